/**
 * The ways in which a judge answers: one score for the whole, claim by claim, or document by document. A form says what
 * is asked for, what an answer of it looks like, and what it is worth. Fields come in the order evidence, reasons, score.
 */
import type { Metric } from "../metric.ts";
import type { JudgedRecord } from "../prompt.ts";
import { claimsForm } from "./claims-form.ts";
import { documentsForm } from "./documents-form.ts";
import { scoreForm } from "./score-form.ts";

/** What a judge's answer says, in figures. */
export interface Reading {
  status: "ok";
  /** On the metric's scale; claims and documents: the share itself. */
  score: number;
  /** 0 worst to 1 best. */
  norm: number;
  label: string;
  reasoning: string;
  evidence: readonly unknown[];
  /** What else was counted, by name. */
  measures: Readonly<Record<string, number>>;
}

export type FormReading =
  | Reading
  | { status: "not_applicable"; reason: string }
  | { status: "failed"; failure: "parse" | "score"; detail: string };

export interface AnswerForm {
  /** The field whose value decides: an answer that has it twice, with two values, has decided nothing. */
  decisive: string;
  /** What the system message says besides the definition. */
  rules: (metric: Metric, withSteps: boolean) => string[];
  /** The fields to reply with, each with what it holds. */
  fields: (metric: Metric, chainOfThought: boolean) => string[];
  /** JSON Schema of the same fields, by name. */
  properties: (metric: Metric) => Record<string, unknown>;
  read: (answer: Record<string, unknown>, metric: Metric, record: JudgedRecord) => FormReading;
}

export const FORMS = { scores: scoreForm, claims: claimsForm, documents: documentsForm } as const;
export type FormName = keyof typeof FORMS;
