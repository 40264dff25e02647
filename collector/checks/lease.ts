/**
 * Which of several collectors on one ClickHouse evaluates the checks and tells people: the one whose claim is the oldest.
 *
 * Each puts a claim down, renews it, and only then reads: times are the server's, so of two collectors the later claim has seen the
 * earlier one, and they agree. A collector that is away for longer than its claim lasts loses its place, and the next one goes
 * on from what stands in check_results and incidents. On a cluster all of them must ask one server, or read what others wrote
 * (`select_sequential_consistency`).
 */
import type { ClickHouseClient } from "@clickhouse/client";

const LASTS_SECONDS = 60;
const RENEW_MS = 15_000;

export interface Lease {
  /** Whether it is this collector's turn; renews it. @throws when ClickHouse does not answer */
  held(): Promise<boolean>;
  /** Lets the next one go on at once. */
  release(): Promise<void>;
}

export interface LeaseOptions {
  /** Of what there may be one. */
  name: string;
  /** This collector. */
  holder: string;
  /** @default 60 */
  lastsSeconds?: number;
  /** @default 15,000 */
  renewMs?: number;
}

const VALID = `(SELECT holder, argMax(since, renewed_at) AS since FROM leases
  WHERE name = {name:String} AND renewed_at > now64(3) - INTERVAL 1 DAY
  GROUP BY holder HAVING argMax(until, renewed_at) > now64(3))`;

export function createLease(client: ClickHouseClient, options: LeaseOptions): Lease {
  const { name, holder, lastsSeconds = LASTS_SECONDS, renewMs = RENEW_MS } = options;
  let asked = -Infinity;
  let isHeld = false;

  async function claim(seconds: number): Promise<void> {
    await client.command({
      query: `INSERT INTO leases (name, holder, since, renewed_at, until)
        SELECT {name:String}, {holder:String}, ifNull((SELECT minOrNull(since) FROM ${VALID} WHERE holder = {holder:String}), now64(3)), now64(3),
          now64(3) + toIntervalSecond({seconds:UInt32})`,
      query_params: { name, holder, seconds },
      clickhouse_settings: { async_insert: 0 },
    });
  }

  async function oldest(): Promise<string | undefined> {
    const result = await client.query({
      query: `SELECT holder FROM ${VALID} ORDER BY since, holder LIMIT 1`,
      query_params: { name },
      format: "JSONEachRow",
    });
    const [row] = await result.json<{ holder: string }>();
    return row?.holder;
  }

  return {
    async held() {
      if (performance.now() - asked < renewMs) return isHeld;
      // While it is not known whose turn it is, it is not ours.
      isHeld = false;
      await claim(lastsSeconds);
      isHeld = (await oldest()) === holder;
      asked = performance.now();
      return isHeld;
    },
    async release() {
      asked = -Infinity;
      isHeld = false;
      await claim(0);
    },
  };
}
