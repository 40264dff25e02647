/** Sends a body that is made while it is sent: at the pace of the client, and for as long as it takes what is sent. */
import type { Response } from "express";
import type { Streamed } from "./endpoint.ts";

/** A client that takes nothing for so long is dropped. */
export const STALL_MS = 30_000;

/**
 * Resolves with `stalled` when the client was dropped. An error before the first chunk is thrown with nothing sent; a later
 * one breaks the connection off, so that no client takes a part for the whole.
 */
export async function sendStreamed(
  response: Response,
  { headers, body, trailers }: Streamed,
  stallMs = STALL_MS,
): Promise<"sent" | "stalled"> {
  const chunks = body[Symbol.asyncIterator]();
  try {
    let next = await chunks.next();
    response.set(headers);
    if (trailers) response.set("Trailer", trailers.names.join(", "));
    response.flushHeaders();
    for (; !next.done && !response.destroyed; next = await chunks.next())
      if (!response.write(next.value) && !(await drained(response, stallMs))) {
        response.destroy();
        return "stalled";
      }
    if (trailers) response.addTrailers(trailers.values());
    response.end();
    return "sent";
  } catch (error) {
    if (!response.headersSent) throw error;
    response.destroy();
    throw error;
  } finally {
    await chunks.return?.();
  }
}

/** False: nothing was taken in time. A client that goes away needs no more waiting. */
function drained(response: Response, stallMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish(false), stallMs);
    const taken = (): void => finish(true);
    function finish(value: boolean): void {
      clearTimeout(timer);
      response.removeListener("drain", taken);
      response.removeListener("close", taken);
      resolve(value);
    }
    response.once("drain", taken);
    response.once("close", taken);
  });
}
