/**
 * What the environment says, read once when the import runs. This is the only file that knows the names of the
 * variables. A service must start whatever they hold: a bad value is reported once, in `problems`, and its default is
 * used.
 *
 * Where a variable of ours and one of OpenTelemetry's say the same thing, ours wins: a service whose OTEL_* variables
 * point at another backend can still send its model calls here.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * `off`: no text leaves the service. `hash`: of each text its hash and length. `redacted`: secrets and personal data are
 * replaced. `full`: as it was.
 */
export type ContentMode = "off" | "hash" | "redacted" | "full";

/** To which hosts a `traceparent` header is added. `auto`: to all but the known model APIs of third parties. */
type PropagationMode = "auto" | "all" | "off";

/** Whether model calls of clients that no SDK is patched for are traced where they call fetch(). */
type WireMode = "auto" | "off";

export interface Settings {
  disabled: boolean;
  content: ContentMode;
  propagation: PropagationMode;
  wire: WireMode;
  protocol: "http/protobuf" | "http/json";
  /** Where the private pipeline sends. */
  tracesUrl: string;
  /** Where LlmSpanProcessor sends: never an address that OTEL_* names, because that is the other backend's. */
  assayTracesUrl: string;
  serviceName: string;
  resourceAttributes: Readonly<Record<string, string>>;
  project: string | undefined;
  /** Makes the hashes of `hash` keyed ones, which nobody without the key can try texts against. */
  hashKey: string | undefined;
  flushIntervalMs: number;
  problems: readonly string[];
}

const DEFAULT_ENDPOINT = "http://127.0.0.1:4318";

/** Both spellings of OpenTelemetry's switch: the boolean and the newer modes. Events are not emitted. */
const OTEL_CAPTURE: Readonly<Record<string, ContentMode>> = {
  true: "redacted",
  span_only: "redacted",
  span_and_event: "redacted",
  false: "off",
  no_content: "off",
  event_only: "off",
};

export function readSettings(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Settings {
  const problems: string[] = [];
  const resourceAttributes = parseResourceAttributes(env["OTEL_RESOURCE_ATTRIBUTES"], problems);
  const endpoint = checkedUrl(env, "ASSAY_ENDPOINT", problems);
  const otlpTraces = checkedUrl(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", problems);
  const otlp = checkedUrl(env, "OTEL_EXPORTER_OTLP_ENDPOINT", problems);
  const assayTracesUrl = tracesPath(endpoint ?? DEFAULT_ENDPOINT);
  return {
    disabled: isTrue(env["OTEL_SDK_DISABLED"]),
    content: contentMode(env, problems),
    propagation: oneOf(env, "ASSAY_PROPAGATION", ["auto", "all", "off"], "auto", problems),
    wire: oneOf(env, "ASSAY_WIRE", ["auto", "off"], "auto", problems),
    protocol: otlpProtocol(env),
    tracesUrl: endpoint
      ? assayTracesUrl
      : (otlpTraces ?? (otlp ? tracesPath(otlp) : assayTracesUrl)),
    assayTracesUrl,
    serviceName:
      env["OTEL_SERVICE_NAME"] ||
      resourceAttributes["service.name"] ||
      packageName(process.argv[1]) ||
      "unknown_service:node",
    resourceAttributes,
    project: env["ASSAY_PROJECT"] || undefined,
    hashKey: hashKey(env, problems),
    flushIntervalMs: milliseconds(env, "OTEL_BSP_SCHEDULE_DELAY", 1_000, problems),
    problems,
  };
}

/** OpenTelemetry's third protocol, gRPC, is not spoken here; the collector takes both at the same address. */
function otlpProtocol(
  env: Readonly<Record<string, string | undefined>>,
): "http/protobuf" | "http/json" {
  const named = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] || env["OTEL_EXPORTER_OTLP_PROTOCOL"];
  return named === "http/json" ? named : "http/protobuf";
}

function contentMode(
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): ContentMode {
  const name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
  const otel = env[name];
  const mode = otel ? OTEL_CAPTURE[otel.toLowerCase()] : undefined;
  if (otel && !mode)
    problems.push(`${name}: expected ${Object.keys(OTEL_CAPTURE).join(", ")}, got "${otel}"`);
  const modes = ["off", "hash", "redacted", "full"] as const;
  return oneOf(env, "ASSAY_CONTENT", modes, mode ?? "redacted", problems);
}

const MIN_KEY_CHARACTERS = 32;

/** The collector's variable, so that both make the same hashes; what it says of a bad one never holds the key. */
function hashKey(
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): string | undefined {
  const key = env["ASSAY_REDACT_KEY"];
  if (!key || key.length >= MIN_KEY_CHARACTERS) return key || undefined;
  problems.push(
    `ASSAY_REDACT_KEY: expected a secret of at least ${MIN_KEY_CHARACTERS} characters, got ${key.length}; hashing without a key`,
  );
  return undefined;
}

function oneOf<const T extends string>(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  allowed: readonly T[],
  fallback: T,
  problems: string[],
): T {
  const value = env[name];
  if (!value) return fallback;
  const found = allowed.find((one) => one === value.toLowerCase());
  if (!found)
    problems.push(`${name}: expected ${allowed.join(", ")}, got "${value}"; using ${fallback}`);
  return found ?? fallback;
}

function milliseconds(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  fallback: number,
  problems: string[],
): number {
  const value = env[name];
  if (!value) return fallback;
  const number = Number(value);
  if (Number.isFinite(number) && number > 0 && number <= 60_000) return number;
  problems.push(
    `${name}: expected milliseconds from 1 to 60000, got "${value}"; using ${fallback}`,
  );
  return fallback;
}

function checkedUrl(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  problems: string[],
): string | undefined {
  const value = env[name];
  if (!value) return undefined;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value;
  problems.push(`${name}: expected an http or https URL, got "${value}"`);
  return undefined;
}

function tracesPath(endpoint: string): string {
  return `${endpoint.replace(/\/+$/, "")}/v1/traces`;
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === "true" || value === "1";
}

/** `key=value,key=value`, values percent-encoded, as OpenTelemetry specifies. */
function parseResourceAttributes(
  text: string | undefined,
  problems: string[],
): Record<string, string> {
  const attributes: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const pair of text?.split(",") ?? []) {
    if (pair.trim() === "") continue;
    const at = pair.indexOf("=");
    try {
      if (at < 1) throw new Error("no key");
      attributes[pair.slice(0, at).trim()] = decodeURIComponent(pair.slice(at + 1).trim());
    } catch {
      problems.push(`OTEL_RESOURCE_ATTRIBUTES: expected key=value pairs, got "${pair}"`);
    }
  }
  return attributes;
}

/** The `name` of the nearest package.json above the main module. */
function packageName(mainModule: string | undefined): string | undefined {
  let folder = mainModule ? dirname(mainModule) : process.cwd();
  for (;;) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      if (
        parsed &&
        typeof parsed === "object" &&
        "name" in parsed &&
        typeof parsed.name === "string"
      )
        return parsed.name;
    } catch {
      // No or no readable package.json here: look one folder up.
    }
    const parent = dirname(folder);
    if (parent === folder) return undefined;
    folder = parent;
  }
}
