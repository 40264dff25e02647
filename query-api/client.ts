/**
 * A client of the API, typed by the table of its endpoints:
 *
 *     const assay = createApiClient("http://127.0.0.1:8080");
 *     const { totals } = await assay.costs({ from: "now-24h", to: "now" });
 *
 * It runs wherever there is `fetch`. What the API refuses is thrown as ApiClientError. What is streamed (`exportSpans`,
 * `liveSpans`) resolves with the Response once it begins; `eventsOf` reads live spans from it.
 */
import type { z } from "zod";
import type { Endpoint, StreamEndpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";

type Endpoints = typeof ENDPOINTS;
type InPath<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | InPath<Rest>
  : never;
type Question<E> = E extends { parameters: (nowMs: number) => infer Shape extends z.ZodRawShape }
  ? z.input<z.ZodObject<Shape>>
  : never;
type Answer<E> = E extends { answer: infer A extends z.ZodType } ? z.output<A> : Response;

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
    (question: Record<string, unknown> = {}, options: { signal?: AbortSignal } = {}) => {
      const request = requestOf(url, definition, question);
      return "media" in definition
        ? begin(fetcher, request, options)
        : begin(fetcher, request, options).then((response) => response.json());
    },
  ]);
  return Object.fromEntries(calls) as ApiClient;
}

function requestOf(
  base: string,
  definition: Endpoint | StreamEndpoint,
  question: Record<string, unknown>,
): Request {
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

async function begin(
  fetcher: typeof fetch,
  request: Request,
  { signal }: { signal?: AbortSignal },
): Promise<Response> {
  const response = await fetcher(request, signal ? { signal } : {});
  if (response.ok) return response;
  const error = errorOf(await response.text());
  throw new ApiClientError(response.status, error.code, error.message);
}

export interface ApiEvent {
  /** `span` or `skipped`. */
  event: string;
  data: Record<string, unknown>;
}

/** Events of `liveSpans`, until the server or the request's signal ends them. */
export async function* eventsOf(response: Response): AsyncGenerator<ApiEvent> {
  if (!response.body) return;
  let text = "";
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + part).split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const field = (name: string): string | undefined =>
        block
          .split("\n")
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      const data = field("data");
      if (data !== undefined)
        yield { event: field("event") ?? "", data: JSON.parse(data) as Record<string, unknown> };
    }
  }
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
