/**
 * Recorded answers of the real APIs, replayed over loopback to the real SDKs, and to fetch() alone for the net. Skipped
 * where the recordings, or the SDKs, are not there.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "vitest";
import { startOtlpSink, type SinkSpan } from "../../instrumentation/testing/otlp-sink.ts";
import { runNode } from "../../instrumentation/testing/run-node.ts";
import { versionOf } from "./contract.ts";
import { PROVIDERS } from "./providers.ts";
import { expectedOf, recordings, shown, type Recording } from "./recordings.ts";

const SCRIPT = fileURLToPath(new URL("recordings.mjs", import.meta.url));
const REGISTER = fileURLToPath(new URL("../../instrumentation/register.ts", import.meta.url));

const recorded = recordings();
const installed = PROVIDERS.every((provider) => versionOf(provider) !== undefined);

describe.skipIf(recorded.length === 0 || !installed)("recorded answers", () => {
  let spans: SinkSpan[];
  let stats: unknown;

  beforeAll(async () => {
    const sink = await startOtlpSink();
    // Each recording has an address of its own: `/7/v1/chat/completions`.
    const server = createServer((request, response) => {
      const { mimeType, answer } = recorded[Number(request.url?.split("/")[1])]!;
      request.resume().on("end", () => response.setHeader("content-type", mimeType).end(answer));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const folder = await mkdtemp(join(tmpdir(), "assay-recordings-"));
    const file = join(folder, "requests.json");
    await writeFile(
      file,
      JSON.stringify(recorded.map(({ api, path, request }) => ({ api, path, request }))),
    );
    const { stdout, stderr } = await runNode(["--import", REGISTER, SCRIPT, url, file], {
      ASSAY_ENDPOINT: sink.url,
      ASSAY_CONTENT: "full",
    });
    expect(stderr).toBe("");
    stats = JSON.parse(stdout);
    spans = sink.spans;
    server.closeAllConnections();
    server.close();
    await Promise.all([sink.close(), rm(folder, { recursive: true })]);
  });

  function spanOf(agent: string): SinkSpan | undefined {
    const parent = spans.find((span) => span.name === `invoke_agent ${agent}`);
    const calls = spans.filter((span) => span.parentSpanId === parent?.spanId);
    expect(calls, agent).toHaveLength(1);
    return calls[0];
  }

  function check(span: SinkSpan | undefined, recording: Recording): void {
    expect(span?.attributes).toMatchObject(expectedOf(recording));
    expect(span?.error).toBe(false);
    if (!/embeddings|rerank/.test(recording.path))
      expect(String(span?.attributes["gen_ai.output.messages"])).toMatch(/"parts":\[\{/);
  }

  test.each(recorded.map((recording, at) => [recording.name, recording, at] as const))(
    "%s",
    (_, recording, at) => check(spanOf(`${at} sdk`), recording),
  );

  test.each(
    recorded
      .map((recording, at) => [recording.name, recording, at] as const)
      .filter(([, { api, path }]) => api !== "bedrock" && !path.includes("/images/")),
  )("through the net: %s", (_, recording, at) => check(spanOf(`${at} fetch`), recording));

  test("nothing of ours failed", () => expect(stats).toMatchObject({ instrumentationErrors: 0 }));

  test("the support table claims what was shown here, and no more", () => {
    for (const { name, api, recorded: claimed } of PROVIDERS) {
      const seen = recorded.filter((one) => one.api === api).flatMap(shown);
      expect([...new Set(seen)].toSorted(), name).toEqual([...(claimed ?? [])].toSorted());
    }
  });
});
