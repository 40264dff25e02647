/** Test support: what judges said in a scenario, as OTLP events: as another Assay sends on the scores of its own judges. */
import { createHash } from "node:crypto";
import { evaluationLogs } from "../judge/events.ts";
import type { ScoreRow } from "../judge/score-row.ts";
import type { Scenario, Scores } from "./scenarios.ts";

/** Records that never change, judged in turns. */
const SENTINELS = 40;
/** Scores of one request. */
const BATCH = 2_000;

/** @param noon unix seconds */
export function* scoreRequestsOf(
  project: string,
  { scores = [] }: Scenario,
  noon: number,
): Generator<{ scores: number; body: string }> {
  const rows = scores.flatMap((part, i) => [...rowsOf(`${project}/${i}`, project, part, noon)]);
  for (let at = 0; at < rows.length; at += BATCH) {
    const some = rows.slice(at, at + BATCH);
    yield { scores: some.length, body: JSON.stringify(evaluationLogs(some)) };
  }
}

function* rowsOf(name: string, project: string, part: Scores, noon: number): Generator<ScoreRow> {
  const { from, to, n, norm, failed = 0, release = "", sentinel = false, metric } = part;
  const count = Math.max(0, Math.round(((to - from) / 60) * n));
  for (let i = 0; i < count; i++) {
    const at = noon + from * 60 + (i * 3_600) / n;
    const isFailed = i % 100 < failed * 100;
    const spread = 0.3 * (digest(`${i}`).readUInt16BE() / 65_536 - 0.5);
    yield {
      project,
      name: metric ?? "relevance",
      event_time: at,
      evaluated_at: at,
      evaluation_id: digest(`${name}/${i}`).toString("hex"),
      trace_id: digest(`${sentinel ? i % SENTINELS : i}`).toString("hex"),
      release,
      source: "judge",
      status: isFailed ? "failed" : "ok",
      ...(isFailed
        ? { error_type: "timeout" }
        : { score: 4, norm: Math.max(0, Math.min(1, norm + spread)) }),
      purpose: sentinel ? "sentinel" : "traffic",
      judge_hash: "j1",
      stratum: "all",
      trace_probability: 1,
      judge_probability: 0.5,
    };
  }
}

function digest(text: string): Buffer {
  return createHash("md5").update(text).digest();
}
