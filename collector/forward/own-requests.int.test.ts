/** Scores on their way to real servers. */
import { afterEach, expect, test } from "vitest";
import { body, logRecord, message, text } from "../otlp/testing.ts";
import { parseForward } from "./config.ts";
import { createOwnRequests, type OwnRequests } from "./own-requests.ts";
import {
  startHttpDestination,
  type HttpAnswer,
  type HttpDestination,
} from "./testing/destinations.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function setUp(
  answer: (n: number) => HttpAnswer,
  { capacity = 100, more = {} }: { capacity?: number; more?: object } = {},
): Promise<{ own: OwnRequests; server: HttpDestination }> {
  const server = await startHttpDestination((_, n) => answer(n));
  const section = { name: "elsewhere", endpoint: server.url, compression: "none", ...more };
  const destinations = parseForward(JSON.stringify({ destinations: [section] }), {}, "test");
  const own = createOwnRequests(destinations, () => {}, {
    capacity,
    backoff: { minMs: 5, maxMs: 10 },
  });
  closing.push(
    () => server.stop(),
    () => own.stop(),
  );
  return { own, server };
}
const score = (name: string): Uint8Array => body(message(1, message(2, logRecord(text(12, name)))));

test("each goes to the path of logs, again while the destination says later, in their order", async () => {
  const { own, server } = await setUp((n) => ({ status: n <= 2 ? 503 : 200 }));
  expect(own.isWanted).toBe(true);
  own.offer(score("first"));
  own.offer(score("second"));
  await expect.poll(() => own.stats()[0]).toMatchObject({ sent: 2, waiting: 0 });
  expect(server.got.map(({ path }) => path)).toEqual(Array(4).fill("/v1/logs"));
  expect(server.got.map((got) => got.body.toString("latin1").includes("first"))).toEqual([
    true,
    true,
    true,
    false,
  ]);
});

test("what is refused for good, has no room, or waits at the end is dropped and counted", async () => {
  const { own } = await setUp((n) => ({ status: n === 1 ? 400 : 503 }), { capacity: 2 });
  own.offer(score("refused"));
  await expect.poll(() => own.stats()[0]).toMatchObject({ dropped: 1 });
  for (const name of ["a", "b", "no room"]) own.offer(score(name));
  expect(own.stats()[0]).toMatchObject({ dropped: 2, waiting: 2 });
  await own.stop();
  expect(own.stats()[0]).toEqual({
    name: "elsewhere",
    sent: 0,
    dropped: 4,
    filtered: 0,
    waiting: 0,
  });
});

test("a destination's filter holds for scores as well; one that takes no logs gets none", async () => {
  const { own, server } = await setUp(() => ({ status: 200 }), {
    more: { projects: ["other"] },
  });
  own.offer(score("not for it"));
  expect(own.stats()[0]).toMatchObject({ filtered: 1, waiting: 0 });
  expect(server.got).toEqual([]);
  const none = await setUp(() => ({ status: 200 }), { more: { signals: ["traces"] } });
  expect(none.own.isWanted).toBe(false);
});
