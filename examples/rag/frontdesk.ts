import "@assay/instrumentation/register";
/**
 * What customers talk to. It takes a question, asks the handbook service over HTTP, and adds a ticket number: a second
 * service, so that one trace spans two. Nothing here hands the trace on; the import does.
 */
import { shutdown } from "@assay/instrumentation";
import express from "express";
import type { NextFunction, Request, Response } from "express";
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { listen, portOf } from "./listen.ts";

const handbookUrl = process.env["HANDBOOK_URL"] ?? "http://127.0.0.1:8092";

const app = express();
app.use(express.json({ limit: "64kb" }));

app.post("/questions", async (request, response) => {
  const ticket = `T-${randomUUID().slice(0, 8)}`;
  const abort = new AbortController();
  response.once("close", () => abort.abort());
  const answer = await fetch(`${handbookUrl}/ask`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request.body ?? null),
    signal: abort.signal,
  });
  response.status(answer.status).setHeader("x-ticket", ticket);
  const type = answer.headers.get("content-type") ?? "";
  if (type.startsWith("application/json")) {
    response.json({ ticket, ...((await answer.json()) as object) });
    return;
  }
  response.setHeader("content-type", type);
  if (answer.body === null) response.end();
  else await pipeline(Readable.fromWeb(answer.body as ReadableStream), response);
});

app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  // Nobody is there to hear of it.
  if (response.closed) return;
  if (response.headersSent) return next(error);
  const { status } = error as { status?: unknown };
  // What express refuses itself: a body that is too large, or no JSON.
  if (typeof status === "number" && status < 500)
    response.status(status).json({ error: String(error) });
  else response.status(502).json({ error: `the handbook service: ${String(error)}` });
});

listen(process.env["OTEL_SERVICE_NAME"] ?? "frontdesk", app, {
  port: portOf(8091),
  stopped: shutdown,
});
