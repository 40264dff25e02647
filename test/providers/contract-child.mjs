/**
 * Runs a provider's situations and prints what the service saw: `<script> <mode> <server> [only,these]`.
 *
 *   esm, cjs   the SDK as that kind of module
 *   late       the SDK is loaded, and a client made, before the instrumentation is
 *   copies     the SDK from here and from the working directory, each situation with both
 *
 * Each situation runs in an agent of its name where the instrumentation is loaded: its span leads to the calls' spans.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [, , script, mode, url, only] = process.argv;
const { packages, situations } = await import(pathToFileURL(script).href);
const traced = process.env.ASSAY_ENDPOINT !== undefined;

const problems = [];
process.on("unhandledRejection", (error) => problems.push(`unhandled rejection: ${String(error)}`));

const require = createRequire(import.meta.url);
const load = (name) => (mode === "cjs" ? require(name) : import(name));
const loaded = await Promise.all(packages.map(load));
const builds = [loaded];
if (mode === "copies") builds.push(packages.map(createRequire(join(process.cwd(), "main.js"))));

let assay;
const within = (name, work) => (assay ? assay.traceAgent(name, work)() : work());
const policy = (content, work) => (assay ? assay.withContext({ content }, work) : work());
const tools = { url, within, policy, wrapped, handedOver, collect, errorOf, until };
const sets = builds.map((build) => situations(build, tools));
if (traced && mode === "late") await import("@assay/instrumentation/register");
if (traced) assay = await import("@assay/instrumentation");

const seen = {};
const unsupported = {};
for (const [name, situation] of Object.entries(sets[0])) {
  if (typeof situation !== "function") unsupported[name] = situation.unsupported;
  else if (!only || only.split(",").includes(name)) {
    const outcomes = [];
    for (const set of sets) outcomes.push(await attempt(name, set[name]));
    seen[name] = mode === "copies" ? outcomes : outcomes[0];
  }
}
// What nobody consumed goes with the garbage.
for (let round = 0; round < 10; round++) {
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 5));
}
if (assay) {
  await assay.flush();
  const stats = assay.stats();
  if (stats.instrumentationErrors > 0)
    problems.push(`${stats.instrumentationErrors} errors of ours`);
  if (stats.spansStarted !== stats.spansExported)
    problems.push(`${stats.spansExported} of ${stats.spansStarted} spans exported`);
  problems.push(...assay.status().warnings);
}
process.stdout.write(`${JSON.stringify({ seen, unsupported, problems })}\n`, () => process.exit(0));

async function attempt(name, situation) {
  try {
    // As JSON, so that what the parent compares is what it was at this time.
    const value = await within(name, situation);
    return JSON.parse(JSON.stringify(value ?? null));
  } catch (error) {
    return `threw ${error?.stack ?? error}`;
  }
}

/** With `traceRetriever`, where the instrumentation is loaded. */
function wrapped(search, options) {
  return (...args) => (assay ? assay.traceRetriever(search, options) : search)(...args);
}

/** To `instrumentRetriever`, which gives back the very object. */
function handedOver(client) {
  return !assay || assay.instrumentRetriever(client) === client;
}

/** What an async iterable gives, or the first `limit` of it: then it is left. */
async function collect(iterable, limit = Infinity) {
  const values = [];
  if (limit === 0) return values;
  for await (const value of iterable) {
    values.push(value);
    if (values.length >= limit) break;
  }
  return values;
}

async function errorOf(promise) {
  try {
    await promise;
    return "no error";
  } catch (error) {
    const { status, code } = error;
    return {
      class: error.constructor.name,
      name: error.name,
      message: error.message,
      status,
      code,
    };
  }
}

/** Asks the model API, on `/asked?…`, until it says yes. */
async function until(question) {
  for (let attempts = 0; attempts < 400; attempts++) {
    if ((await (await fetch(new URL(`/asked?${question}`, url))).json()) === true) return true;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return false;
}
