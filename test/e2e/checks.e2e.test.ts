/** From failing calls over OTLP to a page, and to its end: the real collector and engine, and a PagerDuty that remembers. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readChecksConfig } from "../../collector/checks/config.ts";
import { assayEnv, removeData, startAssay, until } from "../processes.ts";

interface Event {
  event_action: string;
  dedup_key: string;
  payload?: { summary: string };
}

/** Two minutes ago, so that the minute is over: `n` calls, of which `failed` fail. */
function calls(n: number, failed: number, first: number): string {
  const at = BigInt(Date.now() - 120_000) * 1_000_000n;
  const spans = Array.from({ length: n }, (_, i) => ({
    traceId: (first + i).toString(16).padStart(32, "0"),
    spanId: (first + i).toString(16).padStart(16, "0"),
    name: "chat",
    startTimeUnixNano: String(at),
    endTimeUnixNano: String(at + 1_000_000n),
    status: i < failed ? { code: 2 } : {},
    attributes: [
      { key: "gen_ai.operation.name", value: { stringValue: "chat" } },
      { key: "gen_ai.provider.name", value: { stringValue: "openai" } },
      { key: "gen_ai.request.model", value: { stringValue: "gpt-4o" } },
    ],
  }));
  return JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
}

test("failing calls page once, a restart does not page again, and good calls end it", async () => {
  const events: Event[] = [];
  const pagerDuty = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      events.push(JSON.parse(text) as Event);
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => pagerDuty.listen(0, "127.0.0.1", resolve));
  const dir = await mkdtemp(join(tmpdir(), "assay-checks-"));
  const file = join(dir, "checks.yaml");
  // One alone: on a slow day a shipped one that sees the same failures would join the incident, and hold it open for hours.
  const shipped = readChecksConfig(undefined, {})!.checks.map(({ name }) => `  ${name}: off`);
  await writeFile(
    file,
    `checks:
${shipped.join("\n")}
  errors-now:
    { about: Calls fail., severity: page, measure: errors, every: 5s, settle: 1s, clear: 1, test: { kind: threshold, window: 10m, above: 0.5 } }
notify:
  wait: 1s
  channels: [{ kind: pagerduty, name: on-call, routing_key: { env: KEY }, url: "http://127.0.0.1:${(pagerDuty.address() as AddressInfo).port}" }]
`,
  );
  const env = { ...(await assayEnv()), ASSAY_CHECKS: file, ASSAY_CANARY: "on", KEY: "k" };
  let assay = await startAssay("start", env);
  const send = async (body: string): Promise<void> => {
    const response = await fetch(`${assay.otlp}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(200);
  };
  const heard = (count: number): Promise<unknown> =>
    until(
      async () => events.length,
      (n) => n >= count,
      60_000,
    );
  try {
    await send(calls(20, 20, 1));
    await heard(1);
    expect(events[0]).toMatchObject({
      event_action: "trigger",
      payload: { summary: expect.stringContaining("share of failed calls is 100 %") },
    });
    await assay.stop();
    assay = await startAssay("start", env);
    await send(calls(200, 0, 1_000));
    await heard(2);
    expect(events.slice(1)).toEqual([
      { routing_key: "k", dedup_key: events[0]!.dedup_key, event_action: "resolve" },
    ]);
    // Its own span went the same way.
    const shown = async (): Promise<string> => (await fetch(`${assay.metrics}/metrics`)).text();
    await until(shown, (text) => /^assay_canary_misses 0$/m.test(text), 60_000);
    expect(await shown()).toMatch(/^assay_canary_seconds\{protocol="http"\} \d/m);
    expect(await shown()).toMatch(/^assay_disk_free_bytes [1-9]/m);
    expect(await shown()).toMatch(/^assay_process_memory_limit_bytes [1-9]/m);
  } finally {
    await assay.stop();
    await removeData(env);
    await rm(dir, { recursive: true });
    pagerDuty.close();
  }
}, 180_000);
