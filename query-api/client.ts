/**
 * A client of the API, typed by the table of its endpoints:
 *
 *     const assay = createApiClient("http://127.0.0.1:8080");
 *     const { totals } = await assay.costs({ from: "now-24h", to: "now" });
 *
 * It runs wherever there is `fetch`. What the API refuses is thrown as ApiClientError.
 */
import type { z } from "zod";
import type { Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";

type Endpoints = typeof ENDPOINTS;
type InPath<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | InPath<Rest>
  : never;
type Question<E> =
  E extends Endpoint<infer Shape, infer _Answer> ? z.input<z.ZodObject<Shape>> : never;
type Answer<E> = E extends Endpoint<infer _Shape, infer A> ? z.output<A> : never;

export type ApiClient = {
  [Name in keyof Endpoints]: (
    question: Question<Endpoints[Name]> & Record<InPath<Endpoints[Name]["path"]>, string>,
    options?: { signal?: AbortSignal },
  ) => Promise<Answer<Endpoints[Name]>>;
};

export class ApiClientError extends Error {
  readonly status: number;
  /** As in the API's table of errors: `bad_parameter`, `too_busy` … */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiClientError";
    this.status = status;
    this.code = code;
  }
}

export function createApiClient(url: string, fetcher: typeof fetch = fetch): ApiClient {
  const calls = Object.entries(ENDPOINTS).map(([name, definition]) => [
    name,
    (question: Record<string, unknown> = {}, options: { signal?: AbortSignal } = {}) =>
      ask(fetcher, requestOf(url, definition, question), options),
  ]);
  return Object.fromEntries(calls) as ApiClient;
}

function requestOf(base: string, definition: Endpoint, question: Record<string, unknown>): Request {
  const rest = { ...question };
  const path = definition.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => {
    const value = rest[name];
    delete rest[name];
    return encodeURIComponent(String(value));
  });
  const url = new URL(path, base);
  if (definition.method === "post") {
    const headers = { "content-type": "application/json" };
    return new Request(url, { method: "POST", headers, body: JSON.stringify(rest) });
  }
  for (const [name, value] of Object.entries(rest))
    for (const one of Array.isArray(value) ? value : [value])
      if (one !== undefined) url.searchParams.append(name, String(one));
  return new Request(url);
}

async function ask(
  fetcher: typeof fetch,
  request: Request,
  { signal }: { signal?: AbortSignal },
): Promise<unknown> {
  const response = await fetcher(request, signal ? { signal } : {});
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  const error = errorOf(text);
  throw new ApiClientError(response.status, error.code, error.message);
}

/** A proxy in between may answer with something else than our errors. */
function errorOf(text: string): { code: string; message: string } {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    return { code: error.code, message: error.message };
  } catch {
    return { code: "unknown", message: text.slice(0, 200) };
  }
}
