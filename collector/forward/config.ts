/**
 * The file that ASSAY_FORWARD names: where spans go beside ClickHouse (docs/forwarding.md).
 *
 * Header values may come from the environment, so that the file holds no secret. Problems are named by their place in
 * the file and never repeat a header's value.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { configFileError, parseConfigFile, readConfigFile } from "../config-file.ts";
import type { Destination, Filter, Tls } from "./destination.ts";

const MiB = 1024 * 1024;
const HOUR_MS = 3_600_000;
/** They are ours: what they say depends on the body. */
const OWN_HEADERS = new Set([
  "content-type",
  "content-length",
  "content-encoding",
  "transfer-encoding",
  "host",
  "connection",
  "te",
  "user-agent",
]);

const url = z.url({ protocol: /^https?$/, error: "expected an http or https address" });
const texts = z.array(z.string().min(1).max(1_000)).min(1).max(1_000);
const headerValue = z.union([
  z.string(),
  z.strictObject({
    env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "expected a variable's name"),
  }),
]);

const destination = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, "expected lower-case letters, digits and -"),
  protocol: z.enum(["http/protobuf", "grpc"]).default("http/protobuf"),
  endpoint: url,
  signals: z
    .array(z.enum(["traces", "logs"]))
    .min(1)
    .default(["traces", "logs"]),
  headers: z
    .record(
      z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, "expected a header's name"),
      headerValue,
    )
    .default({}),
  compression: z.enum(["gzip", "none"]).default("gzip"),
  timeout_ms: z.number().int().min(100).max(600_000).default(10_000),
  tls: z
    .strictObject({
      ca_file: z.string().optional(),
      cert_file: z.string().optional(),
      key_file: z.string().optional(),
    })
    .default({}),
  projects: texts.optional(),
  attributes: z
    .array(
      z.strictObject({
        key: z.string().min(1).max(256),
        in: texts,
        on: z.enum(["span", "resource", "any"]).default("any"),
      }),
    )
    .max(100)
    .optional(),
  max_in_flight: z.number().int().min(1).max(64).default(8),
  max_backlog_mib: z.number().int().min(64).max(1_048_576).default(4_096),
  max_backlog_hours: z.number().min(0.01).max(8_784).default(24),
  start_at: z.enum(["beginning", "end"]).default("end"),
});

const file = z.strictObject({ destinations: z.array(destination).min(1).max(32) });

type Section = z.infer<typeof destination>;

/** @throws ConfigFileError naming every problem */
export function readForward(path: string | undefined, env: NodeJS.ProcessEnv): Destination[] {
  if (path === undefined) return [];
  return parseForward(readConfigFile("ASSAY_FORWARD", path), env, path);
}

export function parseForward(text: string, env: NodeJS.ProcessEnv, name: string): Destination[] {
  const { destinations } = parseConfigFile(text, name, file);
  const problems: string[] = [];
  const found = destinations.map((section, i) => {
    const report = (place: string, message: string): void => {
      problems.push(`destinations.${i}.${place}: ${message}`);
    };
    if (destinations.findIndex((other) => other.name === section.name) < i)
      report("name", `expected a name of its own, got "${section.name}" again`);
    return destinationOf(section, env, report);
  });
  if (problems.length > 0) throw configFileError(name, problems);
  return found;
}

type Report = (place: string, message: string) => void;

function destinationOf(section: Section, env: NodeJS.ProcessEnv, report: Report): Destination {
  const { name, protocol, compression, projects, attributes } = section;
  const filter: Filter = { ...(projects && { projects }), ...(attributes && { attributes }) };
  return {
    name,
    protocol,
    urls: urlsOf(section, report),
    headers: headersOf(section, env, report),
    compression,
    timeoutMs: section.timeout_ms,
    tls: tlsOf(section, report),
    filter: projects || attributes ? filter : undefined,
    maxInFlight: section.max_in_flight,
    maxBacklogBytes: section.max_backlog_mib * MiB,
    maxBacklogMs: section.max_backlog_hours * HOUR_MS,
    startAt: section.start_at,
  };
}

/** Over HTTP, `/v1/traces` and `/v1/logs` below the address; over gRPC the method is the path. */
function urlsOf({ endpoint, protocol, signals }: Section, report: Report): Destination["urls"] {
  const base = new URL(endpoint);
  if (base.username !== "" || base.password !== "")
    report("endpoint", "expected no user or password in the address; use headers");
  if (base.search !== "" || base.hash !== "")
    report("endpoint", "expected no ? or # in the address");
  if (protocol === "grpc" && base.pathname !== "/")
    report("endpoint", `expected no path for gRPC, got "${base.pathname}"`);
  const below = (path: string) => new URL(base.pathname.replace(/\/*$/, path), base);
  return Object.fromEntries(
    signals.map((signal) => [signal, protocol === "grpc" ? base : below(`/v1/${signal}`)]),
  );
}

function headersOf({ headers }: Section, env: NodeJS.ProcessEnv, report: Report) {
  const found: Record<string, string> = {};
  for (const [key, given] of Object.entries(headers)) {
    const place = `headers.${key}`;
    const value = typeof given === "string" ? given : env[given.env];
    if (OWN_HEADERS.has(key.toLowerCase()))
      report(place, "expected another header: this one is set by the exporter");
    if (value === undefined)
      report(
        place,
        `expected the environment to have ${(given as { env: string }).env}, which is not set`,
      );
    // oxlint-disable-next-line no-control-regex
    else if (!/^[\t\u0020-\u007e]*$/.test(value))
      report(place, "expected a value of visible ASCII");
    else found[key.toLowerCase()] = value;
  }
  return found;
}

function tlsOf({ tls, endpoint }: Section, report: Report): Tls {
  const files = { ca: tls.ca_file, cert: tls.cert_file, key: tls.key_file };
  const found: Tls = {};
  for (const [part, path] of Object.entries(files) as [keyof Tls, string | undefined][]) {
    if (path === undefined) continue;
    if (!endpoint.startsWith("https:"))
      report(`tls.${part}_file`, "expected an https address with it");
    try {
      found[part] = readFileSync(path);
    } catch (error) {
      report(`tls.${part}_file`, `cannot read "${path}": ${(error as Error).message}`);
    }
  }
  return found;
}
