/**
 * Which fields OTLP's messages have, by number, for telling a wrong wire type from an unknown field.
 *
 * Source: opentelemetry-proto 1.11, trace/v1, logs/v1 and common/v1; requests, resources and scopes of logs are built as
 * those of traces are. Fields that only profiles use (string table indexes) are
 * left out: they are passed over like unknown ones.
 */
import { fieldBits } from "./wire.ts";

export const REQUEST_FIELDS: number = fieldBits(1);
export const RESOURCE_SPANS_FIELDS: number = fieldBits(1, 2, 3);
export const RESOURCE_FIELDS: number = fieldBits(1, 2);
export const SCOPE_SPANS_FIELDS: number = fieldBits(1, 2, 3);
export const SCOPE_FIELDS: number = fieldBits(1, 2, 3, 4);
export const SPAN_FIELDS: number = fieldBits(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
export const EVENT_FIELDS: number = fieldBits(1, 2, 3, 4);
export const LINK_FIELDS: number = fieldBits(1, 2, 3, 4, 5, 6);
export const STATUS_FIELDS: number = fieldBits(2, 3);
export const LOG_RECORD_FIELDS: number = fieldBits(1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12);
export const KEY_VALUE_FIELDS: number = fieldBits(1, 2);
export const ANY_VALUE_FIELDS: number = fieldBits(1, 2, 3, 4, 5, 6, 7);
export const LIST_FIELDS: number = fieldBits(1);
