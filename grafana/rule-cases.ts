/**
 * Test support: for each rule of the pipeline, figures that must make it fire, that must not (a good level, too few, a gap), and that
 * end it; for the table in docs/grafana.md, too.
 */
export interface Figures {
  name: string;
  /** Of a gauge; a counter's increase is what matters. */
  value?: number;
  /** `value` is in days from the end: a moment. */
  daysFromEnd?: boolean;
  /** A minute. */
  increase?: number;
  labels?: Readonly<Record<string, string>>;
  /** Minutes before the end; @default the whole of the rule's time */
  from?: number;
  /** @default 0 */
  to?: number;
}

export interface RuleCase {
  rule: string;
  what: string;
  fires: boolean;
  figures: readonly Figures[];
}

const gauge = (name: string, value: number, more: Partial<Figures> = {}): Figures => ({
  name,
  value,
  ...more,
});
const counter = (name: string, increase: number, more: Partial<Figures> = {}): Figures => ({
  name,
  increase,
  ...more,
});
const accepted = (increase: number, more: Partial<Figures> = {}): Figures =>
  counter("assay_receiver_accepted_requests_total", increase, more);
const refused = (increase: number, more: Partial<Figures> = {}): Figures =>
  counter("assay_receiver_refused_requests_total", increase, {
    labels: { reason: "overload" },
    ...more,
  });
const spans = (what: string, increase: number, more: Partial<Figures> = {}): Figures =>
  counter(`otelcol_receiver_${what}_spans_total`, increase, more);

function cases(
  rule: string,
  ...all: readonly (readonly [what: string, fires: boolean, ...figures: Figures[]])[]
): RuleCase[] {
  return all.map(([what, fires, ...figures]) => ({ rule, what, fires, figures }));
}

/** Free percent of a disk, evenly from six hours ago until now. */
function falling(before: number, now: number): Figures[] {
  const steps = 36;
  const free = Array.from({ length: steps }, (_, i) =>
    gauge("assay_disk_free_bytes", before + ((now - before) * i) / (steps - 1), { from: 360 - i * 10, to: 350 - i * 10 }),
  ); // prettier-ignore
  return [...free, gauge("assay_disk_size_bytes", 100)];
}

const expiring = (days: number, more: Partial<Figures> = {}): Figures =>
  gauge("assay_certificate_expiry_timestamp_seconds", days, {
    labels: { certificate: "d" },
    daysFromEnd: true,
    ...more,
  });

export const RULE_CASES: readonly RuleCase[] = [
  ...cases(
    "assay-ingest-lag",
    ["spans wait for five minutes", true, gauge("assay_insert_oldest_unsent_age_seconds", 300)],
    ["they wait for two seconds", false, gauge("assay_insert_oldest_unsent_age_seconds", 2)],
    ["one minute of many is late", false, gauge("assay_insert_oldest_unsent_age_seconds", 300, { to: 3 }), gauge("assay_insert_oldest_unsent_age_seconds", 2, { from: 3 })],
    ["no figures come", false],
  ),
  ...cases(
    "assay-canary-failing",
    ["three in a row are missed", true, gauge("assay_canary_misses", 3)],
    ["two are", false, gauge("assay_canary_misses", 2)],
    ["five were, and one came through", false, gauge("assay_canary_misses", 5, { to: 1 }), gauge("assay_canary_misses", 0, { from: 1 })],
    ["none is sent", false],
  ),
  ...cases(
    "assay-ledger-mismatch",
    ["seven spans are nowhere for five minutes", true, gauge("assay_ledger_residual_spans", 7)],
    ["seven are stored twice", true, gauge("assay_ledger_residual_spans", -7)],
    ["once, and then none", false, gauge("assay_ledger_residual_spans", 7, { to: 2 }), gauge("assay_ledger_residual_spans", 0, { from: 2 })],
    ["it was counted twice only", false, gauge("assay_ledger_residual_spans", 7, { from: 2 })],
  ),
  ...cases(
    "assay-ingest-budget-fast",
    ["a twentieth is refused for an hour", true, accepted(95), refused(5)],
    ["a thousandth is refused", false, accepted(999), refused(1)],
    ["a twentieth was refused, and no more", false, accepted(95), refused(5, { to: 7 })],
    ["a twentieth is refused, of one request a minute", false, accepted(1, { from: 60 }), refused(0.05)],
    ["what is refused is the senders' fault", false, accepted(50), refused(50, { labels: { reason: "malformed" } })],
    ["nothing comes", false],
  ),
  ...cases(
    "assay-ingest-budget-slow",
    ["a fiftieth is refused for six hours", true, accepted(98), refused(2)],
    ["a thousandth is refused", false, accepted(999), refused(1)],
    ["a fiftieth was refused, and no more", false, accepted(98), refused(2, { to: 40 })],
  ),
  ...cases(
    "assay-spans-refused",
    ["a tenth is refused", true, spans("accepted", 90), spans("refused", 10)],
    ["a tenth fails", true, spans("accepted", 90), spans("failed", 10)],
    ["a hundredth is refused", false, spans("accepted", 99), spans("refused", 1)],
    ["a tenth is refused, of nine spans a minute", false, spans("accepted", 8), spans("refused", 1)],
  ),
  ...cases(
    "assay-queue-full",
    ["nine tenths are in use", true, gauge("otelcol_exporter_queue_size", 90), gauge("otelcol_exporter_queue_capacity", 100)],
    ["a tenth is in use", false, gauge("otelcol_exporter_queue_size", 10), gauge("otelcol_exporter_queue_capacity", 100)],
    ["it was, and is empty again", false, gauge("otelcol_exporter_queue_size", 90, { to: 3 }), gauge("otelcol_exporter_queue_size", 1, { from: 3 }), gauge("otelcol_exporter_queue_capacity", 100)],
  ),
  ...cases(
    "assay-runway-short",
    ["half an hour is left", true, gauge("assay_outage_runway_seconds", 1_800)],
    ["a day is left", false, gauge("assay_outage_runway_seconds", 86_400)],
    ["a burst in one minute", false, gauge("assay_outage_runway_seconds", 86_400, { to: 2 }), gauge("assay_outage_runway_seconds", 1_800, { from: 2 })],
    ["without traffic there is no figure", false],
  ),
  ...cases(
    "assay-runway-gone",
    ["ten minutes are left", true, gauge("assay_outage_runway_seconds", 600)],
    ["half an hour is left", false, gauge("assay_outage_runway_seconds", 1_800)],
  ),
  ...cases(
    "assay-dead-letters",
    ["two spans are put aside", true, counter("otelcol_exporter_send_failed_spans_total", 2, { from: 5, to: 4 })],
    ["none is", false, counter("otelcol_exporter_send_failed_spans_total", 0)],
    ["two were, an hour ago", false, counter("otelcol_exporter_send_failed_spans_total", 2, { from: 60, to: 59 })],
  ),
  ...cases(
    "assay-insert-blocked",
    ["it waits", true, gauge("assay_insert_blocked", 1)],
    ["it does not", false, gauge("assay_insert_blocked", 0)],
    ["it did, and goes on", false, gauge("assay_insert_blocked", 1, { to: 3 }), gauge("assay_insert_blocked", 0, { from: 3 })],
  ),
  ...cases(
    "assay-insert-failing",
    ["five a minute fail", true, counter("assay_insert_failed_attempts_total", 5, { labels: { code: "241" } })],
    ["one fails", false, counter("assay_insert_failed_attempts_total", 1, { labels: { code: "241" }, from: 5, to: 4 })],
  ),
  ...cases(
    "assay-sync-slow",
    ["a sync takes a second", true, counter("assay_log_sync_seconds_sum", 60), counter("assay_log_sync_seconds_count", 60)],
    ["a sync takes two milliseconds", false, counter("assay_log_sync_seconds_sum", 0.12), counter("assay_log_sync_seconds_count", 60)],
    ["a sync takes a second, of one a minute", false, counter("assay_log_sync_seconds_sum", 1), counter("assay_log_sync_seconds_count", 1)],
  ),
  ...cases(
    "assay-sync-failed",
    ["a sync failed", true, gauge("assay_log_failed", 1)],
    ["none did", false, gauge("assay_log_failed", 0)],
  ),
  ...cases(
    "assay-lost-requests",
    ["three requests are missing", true, gauge("assay_log_missing_requests", 3)],
    ["bytes are damaged", true, gauge("assay_log_quarantined_bytes", 100)],
    ["all are there", false, gauge("assay_log_missing_requests", 0)],
  ),
  ...cases(
    "assay-engine-restarts",
    ["five restarts", true, counter("assay_engine_restarts_total", 1, { from: 6, to: 1 })],
    ["one restart", false, counter("assay_engine_restarts_total", 1, { from: 6, to: 5 })],
  ),
  ...cases(
    "assay-event-loop-lag",
    ["half a second all the time", true, gauge("nodejs_eventloop_lag_p99_seconds", 0.5)],
    ["half a second in one minute", false, gauge("nodejs_eventloop_lag_p99_seconds", 0.5, { from: 2 }), gauge("nodejs_eventloop_lag_p99_seconds", 0.01, { to: 2 })],
  ),
  ...cases(
    "assay-memory-high",
    ["its memory is nearly all in use", true, gauge("otelcol_process_memory_rss", 95), gauge("assay_process_memory_limit_bytes", 100), gauge("otelcol_process_runtime_heap_alloc_bytes", 10), gauge("assay_process_heap_limit_bytes", 100)],
    ["its heap is", true, gauge("otelcol_process_memory_rss", 50), gauge("assay_process_memory_limit_bytes", 100), gauge("otelcol_process_runtime_heap_alloc_bytes", 95), gauge("assay_process_heap_limit_bytes", 100)],
    ["half is", false, gauge("otelcol_process_memory_rss", 50), gauge("assay_process_memory_limit_bytes", 100), gauge("otelcol_process_runtime_heap_alloc_bytes", 50), gauge("assay_process_heap_limit_bytes", 100)],
    ["it was, for a minute", false, gauge("otelcol_process_memory_rss", 95, { to: 9 }), gauge("otelcol_process_memory_rss", 50, { from: 9 }), gauge("assay_process_memory_limit_bytes", 100), gauge("otelcol_process_runtime_heap_alloc_bytes", 10), gauge("assay_process_heap_limit_bytes", 100)],
    ["it was started a minute ago", false, gauge("otelcol_process_memory_rss", 95, { from: 1 }), gauge("assay_process_memory_limit_bytes", 100, { from: 1 }), gauge("otelcol_process_runtime_heap_alloc_bytes", 10, { from: 1 }), gauge("assay_process_heap_limit_bytes", 100, { from: 1 })],
  ),
  ...cases(
    "assay-disk-filling",
    ["a tenth is free, and half of that was used within six hours", true, ...falling(20, 10)],
    ["a tenth is free, and hardly any is used", false, ...falling(10.1, 10)],
    ["half is free, and it is used fast", false, ...falling(90, 50)],
    ["a tenth is free, and it becomes more", false, ...falling(5, 10)],
    ["it was seen for ten minutes only", false, gauge("assay_disk_free_bytes", 20, { from: 10, to: 5 }), gauge("assay_disk_free_bytes", 10, { from: 5 }), gauge("assay_disk_size_bytes", 100, { from: 10 })],
  ),
  ...cases(
    "assay-disk-full",
    ["it will be within two hours", true, ...falling(20, 5)],
    ["it will be within half a day", false, ...falling(15, 10)],
  ),
  ...cases(
    "assay-certificate-expiring",
    ["it has ten days", true, expiring(10)],
    ["it has thirty", false, expiring(30)],
    ["it was renewed", false, expiring(10, { to: 5 }), expiring(90, { from: 5 })],
    ["there is none", false],
  ),
  ...cases(
    "assay-certificate-expires",
    ["it has two days", true, expiring(2)],
    ["it has ten", false, expiring(10)],
  ),
  ...cases(
    "assay-forward-lag",
    ["spans wait and none is sent", true, gauge("assay_forward_pending_spans", 9, { labels: { destination: "d" } }), counter("assay_forward_sent_spans_total", 0, { labels: { destination: "d" } })],
    ["spans wait and some are sent", false, gauge("assay_forward_pending_spans", 9, { labels: { destination: "d" } }), counter("assay_forward_sent_spans_total", 5, { labels: { destination: "d" } })],
    ["none waits", false, gauge("assay_forward_pending_spans", 0, { labels: { destination: "d" } }), counter("assay_forward_sent_spans_total", 0, { labels: { destination: "d" } })],
  ),
  ...cases(
    "assay-duplicates",
    ["a third came before", true, counter("assay_receiver_duplicate_requests_total", 5), accepted(10)],
    ["a hundredth did", false, counter("assay_receiver_duplicate_requests_total", 0.1), accepted(10)],
    ["a third did, of one a minute", false, counter("assay_receiver_duplicate_requests_total", 0.5), accepted(1)],
  ),
  ...cases(
    "assay-judge-budget",
    ["a fifth of what should be is judged", true, gauge("assay_judge_probability_factor", 0.2)],
    ["all is", false, gauge("assay_judge_probability_factor", 1)],
  ),
  ...cases(
    "assay-notify-dropped",
    ["a message is given up", true, counter("assay_notify_dropped_total", 1, { from: 3, to: 2, labels: { channel: "slack" } })],
    ["none is", false, counter("assay_notify_dropped_total", 0, { labels: { channel: "slack" } })],
  ),
]; // prettier-ignore

/** Of a check's results in two ticks, and whether the rule of that check fires. */
export const CHECK_CASES: readonly { what: string; states: readonly [string, string]; minutesAgo: number; fires: boolean }[] = [
  { what: "it fires", states: ["ok", "firing"], minutesAgo: 2, fires: true },
  { what: "it fired, and is over", states: ["firing", "ok"], minutesAgo: 2, fires: false },
  { what: "it is bad, and not for long enough", states: ["ok", "warn"], minutesAgo: 2, fires: false },
  { what: "there are too few records", states: ["ok", "too_few"], minutesAgo: 2, fires: false },
  { what: "traffic stopped", states: ["ok", "no_data"], minutesAgo: 2, fires: false },
  { what: "the judge is in trouble, and it is held back", states: ["firing", "muted"], minutesAgo: 2, fires: false },
  { what: "nothing was heard of it for a day", states: ["firing", "firing"], minutesAgo: 1_500, fires: false },
]; // prettier-ignore
