/**
 * What Grafana's provisioning takes silently, or refuses by not starting, and should not be shipped: each rule below is a trap of the
 * format. Works on the files' texts, so that files of one's own can be held to it as well.
 */
import { parse } from "yaml";

type Json = Record<string, any>;

const KNOWN_GROUP_KEYS = new Set(["orgId", "name", "folder", "interval", "rules"]);
const KNOWN_RULE_KEYS = new Set(
  "uid title condition for keepFiringFor noDataState execErrState missing_series_evals_to_resolve isPaused dashboardUid panelId labels annotations notification_settings data".split(
    " ",
  ),
);
const RULE_STATES: Readonly<Record<string, readonly string[]>> = {
  noDataState: ["NoData", "OK", "Alerting", "KeepLast"],
  execErrState: ["Error", "OK", "Alerting", "KeepLast"],
};
const DURATION = /^\d+[smhd]$/;

/** One sentence for each trap that a file of alert rules, contact points or policies steps into. */
export function alertingProblems(text: string): string[] {
  const file = parse(text) as Json;
  const problems = file["apiVersion"] === 1 ? [] : ["expected apiVersion 1"];
  for (const group of (file["groups"] ?? []) as Json[]) problems.push(...groupProblems(group));
  return [...problems, ...uniqueProblems(file), ...receiverProblems(file)];
}

function groupProblems(group: Json): string[] {
  const name = String(group["name"]);
  const problems: string[] = [];
  if (!group["folder"] || !group["name"])
    problems.push(
      `group ${name}: expected a name and the title of a folder (the API's folderUid means nothing here)`,
    );
  for (const key of Object.keys(group))
    if (!KNOWN_GROUP_KEYS.has(key)) problems.push(`group ${name}: "${key}" is dropped silently`);
  const seconds = secondsOf(group["interval"]);
  if (seconds === undefined || seconds === 0 || seconds % 10 !== 0)
    problems.push(
      `group ${name}: expected an interval like "1m", a multiple of 10 s, got "${String(group["interval"])}"`,
    );
  for (const rule of group["rules"] as Json[]) problems.push(...ruleProblems(rule));
  return problems;
}

function secondsOf(text: unknown): number | undefined {
  if (typeof text !== "string" || !DURATION.test(text)) return undefined;
  const units: Record<string, number> = { s: 1, m: 60, h: 3_600, d: 86_400 };
  return Number(text.slice(0, -1)) * units[text.at(-1)!]!;
}

function ruleProblems(rule: Json): string[] {
  const uid = String(rule["uid"]);
  const problems: string[] = [];
  const say = (what: string): void => void problems.push(`rule ${uid}: ${what}`);
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(uid))
    say("expected a uid of up to 40 letters, digits, _ and -");
  for (const key of Object.keys(rule))
    if (!KNOWN_RULE_KEYS.has(key)) say(`"${key}" is dropped silently`);
  for (const [key, states] of Object.entries(RULE_STATES))
    if (!states.includes(String(rule[key])))
      say(`expected ${key} to be one of ${states.join(", ")}: left out it means something else`);
  for (const key of ["for", "keepFiringFor"])
    if (rule[key] !== undefined && secondsOf(rule[key]) === undefined)
      say(`expected ${key} like "5m"`);
  if ((rule["dashboardUid"] === undefined) !== (rule["panelId"] === undefined))
    say("expected both dashboardUid and panelId, or neither");
  const { summary, runbook_url: runbook } = (rule["annotations"] ?? {}) as Json;
  if (!summary) say("expected a summary");
  if (!/^https?:\/\/.+/.test(String(runbook))) say("expected runbook_url to be an address");
  if (/\$(?!\$)/.test(JSON.stringify(rule["labels"] ?? {})))
    say("a $ in a label is taken for a variable of the environment and emptied: write $$");
  if (JSON.stringify(rule["annotations"]).includes("${"))
    say("${…} in an annotation is taken for a variable of the environment");
  return [...problems, ...queryProblems(uid, rule)];
}

function queryProblems(uid: string, rule: Json): string[] {
  const problems: string[] = [];
  const say = (what: string): void => void problems.push(`rule ${uid}: ${what}`);
  const all = rule["data"] as Json[];
  const condition = all.find((one) => one["refId"] === rule["condition"]);
  if (!condition) say("its condition is none of its queries");
  if (condition && isSeries(all, condition))
    say("its condition is a series: only what is reduced to numbers can be alerted on");
  for (const { model, datasourceUid, relativeTimeRange: range, refId } of all) {
    if (model["refId"] !== refId) say(`query ${String(refId)}: the model names another refId`);
    if (datasourceUid === "__expr__") {
      problems.push(...expressionProblems(uid, model, refId === rule["condition"]));
      continue;
    }
    if (![0, 1].includes(model["format"]))
      say("expected format 0 or 1: the plugin's own default is refused by the alert engine");
    if (model["intervalMs"] === undefined) say("expected intervalMs: left out it is one second");
    if (!(range?.to > 0))
      say("expected the range to end a while ago: the newest data is not whole");
    const sql = String(model["rawSql"]);
    if (/\$\{|\$__(timeInterval|interval|conditionalAll|adHocFilters)/.test(sql))
      say("variables and steps of dashboards do not exist in alerts");
    if (model["format"] === 1 && /\bAS time\b/i.test(sql))
      say("a column of time in a table is refused: expected texts and one number");
    if (model["format"] === 0 && !/ORDER BY time/i.test(sql))
      say("expected series to be sorted by time");
    if (model["format"] === 0 && /toUnixTimestamp\w*\([^)]*\)\s+AS\s+time\b/i.test(sql))
      say("expected the time of a series to be a date: a number is refused");
  }
  return problems;
}

/** Series, which a threshold hands on and a reduce does not. */
function isSeries(all: readonly Json[], { datasourceUid, model }: Json): boolean {
  if (datasourceUid !== "__expr__") return model["format"] === 0;
  const of = all.find((one) => one["refId"] === model["expression"]);
  return model["type"] === "threshold" && of !== undefined && isSeries(all, of);
}

function expressionProblems(uid: string, model: Json, isCondition: boolean): string[] {
  const problems: string[] = [];
  if (model["type"] === "math")
    problems.push(`rule ${uid}: math takes NaN for true: expected a threshold`);
  if (model["settings"]?.mode === "strict")
    problems.push(`rule ${uid}: reduce has no mode "strict": it is the empty one`);
  for (const { unloadEvaluator } of (model["conditions"] ?? []) as Json[])
    if (unloadEvaluator && !isCondition)
      problems.push(`rule ${uid}: unloadEvaluator works in the condition only`);
  return problems;
}

function uniqueProblems(file: Json): string[] {
  const groups = (file["groups"] ?? []) as Json[];
  const rules = groups.flatMap((group) =>
    (group["rules"] as Json[]).map((rule) => ({
      uid: rule["uid"],
      title: `${group["folder"]}/${rule["title"]}`,
    })),
  );
  const twice = (all: unknown[]) => all.filter((one, i) => all.indexOf(one) !== i);
  return [
    ...twice(rules.map(({ uid }) => uid)).map((uid) => `uid ${String(uid)} comes twice`),
    ...twice(rules.map(({ title }) => title)).map((title) => `title ${String(title)} comes twice`),
  ];
}

/** Grafana does not start with a receiver or mute time that is not there, or a setting that is empty. */
function receiverProblems(file: Json): string[] {
  const points = (file["contactPoints"] ?? []) as Json[];
  const names = new Set(points.map((point) => point["name"]));
  const mutes = new Set(((file["muteTimes"] ?? []) as Json[]).map((mute) => mute["name"]));
  const problems: string[] = [];
  for (const point of points)
    for (const { uid, settings } of point["receivers"] as Json[])
      for (const [key, value] of Object.entries(settings as Json))
        if (value === "" || value === null)
          problems.push(`receiver ${String(uid)}: ${key} is empty`);
  const visit = (route: Json): void => {
    if (!names.has(route["receiver"]))
      problems.push(`no contact point is named "${String(route["receiver"])}"`);
    for (const mute of (route["mute_time_intervals"] ?? []) as string[])
      if (!mutes.has(mute)) problems.push(`no mute time is named "${mute}"`);
    ((route["routes"] ?? []) as Json[]).forEach(visit);
  };
  ((file["policies"] ?? []) as Json[]).forEach(visit);
  return problems;
}
