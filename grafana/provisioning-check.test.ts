/** Each trap of Grafana's provisioning format, stepped into on purpose; and what is shipped, which steps into none. */
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { builtFiles } from "./build.ts";
import { alertingProblems } from "./provisioning-check.ts";

type Json = Record<string, any>;
const files = builtFiles();
const rules = files.get("provisioning/alerting/assay.yaml")!;
const slack = files.get("contact-points/slack/assay-slack.yaml")!;

const alerting = [...files].filter(
  ([path]) => path.includes("/alerting/") || path.startsWith("contact-points/"),
);
test.each(alerting)("%s steps into no trap", (_path, text) => {
  expect(alertingProblems(text)).toEqual([]);
});

const first = (file: Json): Json => file["groups"][0].rules[0];
const query = (file: Json): Json => first(file)["data"][0];
const TRAPS: readonly (readonly [name: string, change: (file: Json) => void, problem: string])[] = [
  ["an interval as the API has it", (file) => (file["groups"][0].interval = 60), "expected an interval"],
  ["an interval that is no multiple of 10 s", (file) => (file["groups"][0].interval = "15s"), "multiple of 10 s"],
  ["the API's folderUid", (file) => ((file["groups"][0].folderUid = "x"), delete file["groups"][0].folder), "title of a folder"],
  ["a uid that is too long", (file) => (first(file)["uid"] = "a".repeat(41)), "up to 40"],
  ["a uid twice", (file) => (file["groups"][0].rules[1].uid = first(file)["uid"]), "comes twice"],
  ["a title twice", (file) => (file["groups"][0].rules[1].title = first(file)["title"]), "comes twice"],
  ["no noDataState", (file) => delete first(file)["noDataState"], "noDataState"],
  ["no execErrState", (file) => delete first(file)["execErrState"], "execErrState"],
  ["a key that is dropped", (file) => (first(file)["missingSeriesEvalsToResolve"] = 2), "dropped silently"],
  ["a panel without a dashboard", (file) => delete first(file)["dashboardUid"], "both dashboardUid and panelId"],
  ["no summary", (file) => delete first(file)["annotations"].summary, "expected a summary"],
  ["a runbook that is no address", (file) => (first(file)["annotations"].runbook_url = "docs/x.md"), "runbook_url"],
  ["a template in a label", (file) => (first(file)["labels"].project = "{{ $labels.project }}"), "write $$"],
  ["a variable in an annotation", (file) => (first(file)["annotations"].summary = "${project}"), "annotation"],
  ["the plugin's own format", (file) => (query(file)["model"].format = 256), "format 0 or 1"],
  ["no intervalMs", (file) => delete query(file)["model"].intervalMs, "intervalMs"],
  ["a range that ends now", (file) => (query(file)["relativeTimeRange"].to = 0), "end a while ago"],
  ["a dashboard's variable", (file) => (query(file)["model"].rawSql += " AND x = '${project}'"), "do not exist in alerts"],
  ["a condition of all that a dashboard chose", (file) => (query(file)["model"].rawSql += " AND $__conditionalAll(x, $y)"), "do not exist in alerts"],
  ["ad hoc filters", (file) => (query(file)["model"].rawSql += " $__adHocFilters('t')"), "do not exist in alerts"],
  ["a series whose time is a number", (file) => Object.assign(query(file)["model"], { format: 0, rawSql: "SELECT toUnixTimestamp(ts) AS time, 1 ORDER BY time" }), "a number is refused"],
  ["a series that is not reduced", (file) => Object.assign(query(file)["model"], { format: 0, rawSql: "SELECT ts AS time, 1 ORDER BY time" }), "only what is reduced"],
  ["a key of a group that is dropped", (file) => (file["groups"][0].evaluationInterval = "1m"), "dropped silently"],
  ["a step of a chart", (file) => (query(file)["model"].rawSql += " $__timeInterval(ts)"), "do not exist in alerts"],
  ["a column of time in a table", (file) => (query(file)["model"].rawSql = "SELECT ts AS time, 1 AS value"), "column of time"],
  ["series that are not sorted", (file) => (query(file)["model"].format = 0), "sorted by time"],
  ["a condition that is not there", (file) => (first(file)["condition"] = "Z"), "none of its queries"],
  ["math as a condition", (file) => (first(file)["data"][1].model.type = "math"), "NaN"],
  ["a mode that is called strict", (file) => (first(file)["data"][1].model.settings = { mode: "strict" }), "strict"],
  ["hysteresis outside of the condition", (file) => {
    first(file)["data"][1].model.conditions[0].unloadEvaluator = { type: "lt", params: [0] };
    first(file)["condition"] = "A";
  }, "in the condition only"],
]; // prettier-ignore

test("what is shipped without being asked for replaces nobody's policies and has no receiver", () => {
  for (const [path, text] of files)
    if (path.startsWith("provisioning/alerting/"))
      expect(Object.keys(parse(text) as Json).sort()).toEqual(["apiVersion", "groups"]);
});

test("traffic that stops, which ends every other alert, has a rule of its own", () => {
  const uids = (parse(rules) as Json)["groups"].flatMap((group: Json) => group["rules"].map((rule: Json) => rule["uid"])); // prettier-ignore
  expect(uids).toEqual(expect.arrayContaining(["assay-traffic-stopped", "assay-no-spans"]));
});

describe("a file with", () => {
  test.each(TRAPS)("%s", (_name, change, problem) => {
    const file = parse(rules) as Json;
    change(file);
    expect(alertingProblems(stringify(file)).join("\n")).toContain(problem);
  });

  const POINTS: typeof TRAPS = [
    ["a receiver that is not there", (file) => (file["policies"][0].routes[0].receiver = "x"), 'named "x"'],
    ["a mute time that is not there", (file) => (file["policies"][0].routes[1].mute_time_intervals = ["y"]), 'named "y"'],
    ["a setting that is empty", (file) => (file["contactPoints"][0].receivers[0].settings.url = ""), "is empty"],
  ]; // prettier-ignore
  test.each(POINTS)("%s", (_name, change, problem) => {
    const file = parse(slack) as Json;
    change(file);
    expect(alertingProblems(stringify(file)).join("\n")).toContain(problem);
  });
});
