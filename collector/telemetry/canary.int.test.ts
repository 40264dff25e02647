import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createClickHouse, migrate } from "@assay/clickhouse";
import { withEngine } from "@assay/clickhouse/testing";
import { expect, test } from "vitest";
import { until } from "../../test/processes.ts";
import { CANARY_PROJECT, createCanary } from "./canary.ts";

/** The way that works is in test/e2e/checks.e2e.test.ts; here each of its parts is broken. */
test("a receiver that refuses and a span that is stored nowhere are misses; one that comes through ends them", async () => {
  const engine = await withEngine();
  const client = createClickHouse(engine.target);
  await migrate(client, { log: () => {} });
  let way: "refuse" | "lose" | "store" = "refuse";
  const receiver = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      if (way === "refuse") return response.writeHead(503).end();
      if (way === "lose") return response.writeHead(200).end("{}");
      const { traceId } = JSON.parse(text).resourceSpans[0].scopeSpans[0].spans[0];
      client
        .command({
          query: `INSERT INTO ingest (project, event_time, trace_id, span_id) VALUES ('${CANARY_PROJECT}', now(), unhex('${traceId}'), 'abcdefgh')`,
        })
        // The last one may find the engine closed: the test is over then.
        .then(
          () => response.writeHead(200).end("{}"),
          () => response.destroy(),
        );
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  const said: string[] = [];
  const canary = createCanary({
    otlp: () => ({ host: "0.0.0.0", port: (receiver.address() as AddressInfo).port }),
    tracesPath: "/v1/traces",
    log: (_level, message) => void said.push(message),
    everyMs: 10,
    deadlineMs: 50,
  });
  try {
    expect(canary.stats()).toBeUndefined();
    canary.start(client);
    const missed = (n: number) => until(async () => canary.stats()?.misses ?? 0, (found) => found >= n); // prettier-ignore
    await missed(2);
    expect(said[0]).toContain("expected 200 from the receiver, got 503");
    expect(canary.stats()?.seconds).toBeUndefined();
    way = "lose";
    const before = canary.stats()!.misses;
    await missed(before + 2);
    expect(said.at(-1)).toContain("not stored within 0.05 s");
    way = "store";
    await until(
      async () => canary.stats()!,
      ({ misses, seconds }) => misses === 0 && seconds !== undefined,
    );
  } finally {
    await canary.stop();
    receiver.close();
    await client.close();
    await engine.stop();
  }
});
