/**
 * Recorded answers of the real API, replayed over loopback to the real SDK. What is expected of a span is read from the
 * recorded body: model, id, finish reasons and tokens as the provider wrote them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import OpenAI from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startOtlpSink, type OtlpSink } from "./testing/otlp-sink.ts";
import { fields, list, type Fields } from "./untyped.ts";

const RECORDINGS = fileURLToPath(
  new URL("../../shared/data/provider-recordings/", import.meta.url),
);

interface Entry {
  file: string;
  path: string;
  request: Fields;
  mimeType: string;
  answer: string;
}

interface Har {
  log: {
    entries: {
      request: { url: string; postData?: { text: string } };
      response: { status: number; content: { mimeType: string; text?: string; encoding?: string } };
    }[];
  };
}

const METHODS = ["/chat/completions", "/completions", "/responses", "/embeddings"];

function entries(): Entry[] {
  if (!existsSync(RECORDINGS)) return [];
  return readdirSync(RECORDINGS)
    .filter((file) => /^openai__.*\.har$/.test(file))
    .flatMap((file) => {
      const { log } = JSON.parse(readFileSync(RECORDINGS + file, "utf8")) as Har;
      return log.entries
        .filter(({ response }) => response.status === 200 && response.content.text)
        .map(({ request, response }) => ({
          file: file.replace(/^openai__(.*)_\d+\.har$/, "$1"),
          path: new URL(request.url).pathname.replace("/v1", ""),
          request: JSON.parse(request.postData?.text ?? "{}") as Fields,
          mimeType: response.content.mimeType,
          answer: textOf(response.content),
        }))
        .filter(({ path }) => METHODS.includes(path));
    });
}

/** Compressed bodies are kept as a JSON array of base64 pieces of what came over the wire. */
function textOf({ text = "", encoding }: { text?: string; encoding?: string }): string {
  if (encoding !== "base64") return text;
  const pieces = text.startsWith("[") ? (JSON.parse(text) as string[]) : [text];
  const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
  const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return (compressed ? gunzipSync(bytes) : bytes).toString();
}

/** The recorded answer's own words: the last value of each field over the events of a stream, or of the one body. */
function expected({ answer, mimeType, path }: Entry): Record<string, unknown> {
  const bodies: Fields[] = mimeType.includes("event-stream")
    ? answer
        .split("\n")
        .filter((line) => line.startsWith("data: {"))
        .map((line) => JSON.parse(line.slice(6)) as Fields)
    : [JSON.parse(answer) as Fields];
  const last = (name: string): unknown => bodies.map((body) => body[name]).findLast(Boolean);
  const usage = fields(last("usage"));
  const names =
    path === "/responses"
      ? ["input_tokens", "output_tokens"]
      : ["prompt_tokens", "completion_tokens"];
  const details = fields(usage?.[`${names[0]}_details`]);
  const reasons = bodies
    .flatMap((body) => list(body["choices"]))
    .map((choice) => fields(choice)?.["finish_reason"])
    .filter(Boolean);
  const estimated = usage ? undefined : true;
  return {
    "gen_ai.response.id": path === "/embeddings" ? undefined : last("id"),
    "gen_ai.response.model": last("model"),
    "assay.usage.estimated": estimated,
    ...(usage && {
      "gen_ai.usage.input_tokens": usage[names[0]!],
      "gen_ai.usage.output_tokens": path === "/embeddings" ? undefined : usage[names[1]!],
      "gen_ai.usage.cache_read.input_tokens": details?.["cached_tokens"],
    }),
    ...(reasons.length > 0 && { "gen_ai.response.finish_reasons": reasons }),
  };
}

const recorded = entries();

describe.skipIf(recorded.length === 0)("recorded answers", () => {
  let sink: OtlpSink;
  let client: OpenAI;
  let flush: () => Promise<void>;
  let current: Entry | undefined;
  const server = createServer((request, response) => {
    request
      .resume()
      .on("end", () =>
        response.setHeader("content-type", current?.mimeType ?? "").end(current?.answer),
      );
  });

  beforeAll(async () => {
    sink = await startOtlpSink();
    process.env["ASSAY_ENDPOINT"] = sink.url;
    process.env["ASSAY_CONTENT"] = "full";
    const product = await import("./index.ts");
    flush = product.flush;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    client = product.instrument(
      new OpenAI({ apiKey: "test", baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 }),
    );
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await sink.close();
  });

  test.each(recorded.map((entry) => [`${entry.file} ${entry.path}`, entry] as const))(
    "%s",
    async (_, entry) => {
      current = entry;
      sink.spans.length = 0;
      const create = {
        "/chat/completions": () => client.chat.completions.create(entry.request as never),
        "/completions": () => client.completions.create(entry.request as never),
        "/responses": () => client.responses.create(entry.request as never),
        "/embeddings": () => client.embeddings.create(entry.request as never),
      }[entry.path];
      const result: unknown = await create?.();
      if (entry.request["stream"] === true)
        for await (const chunk of result as AsyncIterable<unknown>)
          expect(chunk).toBeTypeOf("object");
      await flush();
      expect(sink.spans).toHaveLength(1);
      expect(sink.spans[0]?.attributes).toMatchObject(withoutAbsent(expected(entry)));
      expect(sink.spans[0]?.attributes["gen_ai.request.model"]).toBe(entry.request["model"]);
      if (entry.path !== "/embeddings")
        expect(String(sink.spans[0]?.attributes["gen_ai.output.messages"])).toMatch(/"parts":\[\{/);
    },
  );
});

function withoutAbsent(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && value !== null),
  );
}
