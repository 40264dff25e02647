/**
 * AWS's event-stream framing: a prelude of two lengths and its checksum, headers, the payload, a checksum of all.
 * https://docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html#streaming-event-stream
 */
import { crc32 } from "node:zlib";

/** A message of this kind with a JSON payload. */
export function eventFrame(type: string, payload: unknown): Buffer {
  return frame({ ":event-type": type, ":message-type": "event" }, payload);
}

export function exceptionFrame(type: string, payload: unknown): Buffer {
  return frame({ ":exception-type": type, ":message-type": "exception" }, payload);
}

function frame(kind: Readonly<Record<string, string>>, payload: unknown): Buffer {
  const names = { ...kind, ":content-type": "application/json" };
  const headers = Buffer.concat(Object.entries(names).map(([name, value]) => header(name, value)));
  const body = Buffer.from(JSON.stringify(payload));
  const total = 16 + headers.length + body.length;
  const prelude = Buffer.concat([uint32(total), uint32(headers.length)]);
  const message = Buffer.concat([prelude, uint32(crc32(prelude)), headers, body]);
  return Buffer.concat([message, uint32(crc32(message))]);
}

/** Name and text, each with its length; 7 says that it is text. */
function header(name: string, value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  const text = Buffer.concat([Buffer.from([7]), length, Buffer.from(value)]);
  return Buffer.concat([Buffer.from([Buffer.byteLength(name)]), Buffer.from(name), text]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
