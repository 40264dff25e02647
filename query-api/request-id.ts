/**
 * A name for each request: the client's own `X-Request-Id` where it is short and plain, else a random one. It is in the
 * answer's header, in errors, in the log and in the ids of the request's queries.
 */
import { randomUUID } from "node:crypto";
import type { RequestHandler, Response } from "express";

const PLAIN = /^[A-Za-z0-9._-]{1,64}$/;

export const nameRequest: RequestHandler = (request, response, next) => {
  const given = request.get("x-request-id") ?? "";
  response.set("X-Request-Id", PLAIN.test(given) ? given : randomUUID());
  next();
};

export function requestIdOf(response: Response): string {
  return response.get("X-Request-Id") ?? "";
}
