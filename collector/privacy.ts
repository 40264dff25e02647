/**
 * The file that ASSAY_PRIVACY names: what is redacted and what is left out before anything is written (docs/privacy.md).
 *
 * Checked whole at start; every problem is reported at once, and none of them repeats the secret key.
 */
import { z } from "zod";
import { configFileError, parseConfigFile, readConfigFile } from "./config-file.ts";
import { compilePattern, PatternError } from "./redact/own-pattern.ts";
import type { Rules } from "./redact/rewriter.ts";
import type { RedactRules } from "./redact/traces.ts";
import type { SamplePolicy } from "./sample/sampler.ts";

export interface Privacy {
  /** undefined: nothing is redacted. */
  redact: RedactRules | undefined;
  /** undefined: everything is kept. */
  sample: SamplePolicy | undefined;
}

const LEAST_KEY_LENGTH = 32;

const mode = z.enum(["mask", "hash", "remove"]);
const modeOrOff = z.enum(["mask", "hash", "remove", "off"]);
const keys = z.array(z.string().min(1).max(256)).max(1_000);

const detect = z.strictObject({
  email: modeOrOff.optional(),
  phone: modeOrOff.optional(),
  card: modeOrOff.optional(),
  iban: modeOrOff.optional(),
  key: modeOrOff.optional(),
  password: modeOrOff.optional(),
  ip: modeOrOff.optional(),
});

const pattern = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/, "expected lower-case letters, digits, - and _"),
  pattern: z.string().min(1).max(1_000),
  mode: mode.default("mask"),
  ignore_case: z.boolean().default(false),
});

const attributes = z.strictObject({
  allow: keys.optional(),
  block: keys.optional(),
  hash: keys.optional(),
  ignore: keys.optional(),
});

const redact = z.strictObject({
  detect: detect.optional(),
  patterns: z.array(pattern).max(100).optional(),
  attributes: attributes.optional(),
  content: z.enum(["keep", "drop"]).optional(),
  resource: z.boolean().optional(),
  budget_ms: z.number().min(1).max(10_000).optional(),
});

const file = z.strictObject({
  redact: redact.optional(),
  projects: z.record(z.string().min(1), redact).optional(),
  sample: z
    .strictObject({
      keep: z.number().min(0.000_001).max(1),
      errors: z.boolean().default(true),
      slow_ms: z.number().min(0).max(86_400_000).optional(),
    })
    .optional(),
});

type RedactSection = z.infer<typeof redact>;

const DEFAULT_DETECT: Rules["detect"] = {
  email: "mask",
  phone: "mask",
  card: "mask",
  iban: "mask",
  key: "mask",
  password: "mask",
  ip: "off",
};
const DEFAULT_BUDGET_MS = 10;

/** @throws ConfigFileError naming every problem */
export function readPrivacy(path: string | undefined, key: string | undefined): Privacy {
  if (path === undefined) return { redact: undefined, sample: undefined };
  return parsePrivacy(readConfigFile("ASSAY_PRIVACY", path), key, path);
}

export function parsePrivacy(text: string, key: string | undefined, name: string): Privacy {
  const problems: string[] = [];
  const { redact: common, projects = {}, sample } = parseConfigFile(text, name, file);
  const wanted = common !== undefined || Object.keys(projects).length > 0;
  // Projects alone: others are left as they are.
  const base = common ?? { detect: ALL_OFF, resource: false };
  const rules = compile(base, key, "redact", problems);
  const own = new Map(
    Object.entries(projects).map(([project, section]) => [
      project,
      compile(merged(common ?? {}, section), key, `projects.${project}`, problems),
    ]),
  );
  if (problems.length > 0) throw configFileError(name, [...new Set(problems)]);
  return {
    redact: wanted ? { rules, projects: own } : undefined,
    sample:
      sample === undefined || sample.keep === 1
        ? undefined
        : { keep: sample.keep, errors: sample.errors, slowMs: sample.slow_ms },
  };
}

const ALL_OFF = Object.fromEntries(
  Object.keys(DEFAULT_DETECT).map((label) => [label, "off" as const]),
);

/** What a project says stands before what holds for all: label by label, list by list, pattern by pattern. */
function merged(common: RedactSection, own: RedactSection): RedactSection {
  const names = new Set(own.patterns?.map(({ name }) => name));
  return {
    ...common,
    ...own,
    detect: { ...common.detect, ...own.detect },
    attributes: { ...common.attributes, ...own.attributes },
    patterns: [
      ...(common.patterns ?? []).filter(({ name }) => !names.has(name)),
      ...(own.patterns ?? []),
    ],
  };
}

function compile(
  section: RedactSection,
  key: string | undefined,
  where: string,
  problems: string[],
): Rules {
  const detected = { ...DEFAULT_DETECT, ...section.detect } as Rules["detect"];
  const patterns = (section.patterns ?? []).flatMap(
    ({ name, pattern: source, mode: how, ignore_case }) => {
      if (
        name in DEFAULT_DETECT ||
        name === "hidden" ||
        name === "unsearched" ||
        name === "removed"
      ) {
        problems.push(`${where}.patterns: expected a name that is not taken, got "${name}"`);
      }
      try {
        return [{ name, mode: how, pattern: compilePattern(source, { ignoreCase: ignore_case }) }];
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        problems.push(`${where}.patterns.${name}: ${error.message}`);
        return [];
      }
    },
  );
  const { allow, block = [], hash = [], ignore = [] } = section.attributes ?? {};
  const hashes =
    hash.length > 0 ||
    [...Object.values(detected), ...patterns.map((p) => p.mode)].includes("hash");
  if (hashes && (key === undefined || key.length < LEAST_KEY_LENGTH)) {
    problems.push(
      `${where}: mode "hash" needs ASSAY_REDACT_KEY, a secret of at least ${LEAST_KEY_LENGTH} characters, got ` +
        (key === undefined ? "none" : `${key.length}`),
    );
  }
  return {
    detect: detected,
    patterns,
    budgetMs: section.budget_ms ?? DEFAULT_BUDGET_MS,
    key: hashes ? key : undefined,
    allow,
    block,
    hash,
    ignore,
    content: section.content ?? "keep",
    resource: section.resource ?? true,
  };
}
