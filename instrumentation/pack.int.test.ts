/** What is published, run the way a user's Node runs it: compiled, under node_modules. */
import { execFileSync } from "node:child_process";
import {
  cp,
  mkdtemp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pack } from "./pack.ts";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
let built: string;
let service: string;
let tarballPath: string;

beforeAll(async () => {
  built = await pack();
  service = await mkdtemp(join(tmpdir(), "assay-service-"));
  const [tarball] = JSON.parse(
    execFileSync("npm", ["pack", built, "--json", "--pack-destination", service], {
      encoding: "utf8",
    }),
  ) as { filename: string }[];
  tarballPath = join(service, tarball!.filename);
  const installed = join(service, "node_modules", "@assay", "instrumentation");
  await mkdir(installed, { recursive: true });
  execFileSync("tar", ["xzf", tarballPath, "-C", installed, "--strip-components", "1"]);
  for (const name of ["@opentelemetry", "@pydantic", "openai"]) {
    await symlink(join(modules, name), join(service, "node_modules", name)).catch(() => {});
  }
});

afterAll(async () => {
  await rm(service, { recursive: true, force: true });
});

async function run(file: string, code: string): Promise<string> {
  await writeFile(join(service, file), code);
  return execFileSync(process.execPath, [file], { cwd: service, encoding: "utf8" });
}

const report = `
  const copies = status().patched ?? status();
  process.stdout.write(JSON.stringify(copies));
`;

test("the package's manifest is in order", async () => {
  const { messages } = await publint({ pkgDir: built, strict: true });
  expect(messages).toEqual([]);
});

test("it has the licenses of the code that is in it", async () => {
  const text = await readFile(join(built, "THIRD-PARTY-LICENSES"), "utf8");
  for (const name of ["otlp-exporter-base", "otlp-transformer", "exporter-trace-otlp-http"])
    expect(text).toContain(`@opentelemetry/${name} `);
  expect(text).toContain("Apache License");
});

test("its types are right for ES modules, for CommonJS and for bundlers", async () => {
  const tarball = createPackageFromTarballData(await readFile(tarballPath));
  const analysis = await checkPackage(tarball);
  if (!analysis.types) throw new Error("expected types");
  // Node 24 requires ES modules, so one build serves both; and only resolution from before `exports` finds no sub-paths.
  const problems = analysis.problems.filter(
    (problem) =>
      problem.kind !== "CJSResolvesToESM" &&
      !(problem.kind === "NoResolution" && problem.resolutionKind === "node10"),
  );
  expect(problems).toEqual([]);
});

const SIZE_LIMIT_MB = 15;

test("with all that it brings along it is small, and alone with that it traces a call", async () => {
  const project = await mkdtemp(join(tmpdir(), "assay-empty-"));
  try {
    const target = join(project, "node_modules");
    await copyPackage(join(service, "node_modules", "@assay", "instrumentation"), target);
    const brought = new Set<string>(["@assay/instrumentation"]);
    for (const name of brought)
      for (const dependency of await dependenciesOf(join(target, name)))
        if (!brought.has(dependency)) {
          await copyPackage(join(modules, dependency), target);
          brought.add(dependency);
        }
    const bytes = await sizeOf(target);
    console.log(`${brought.size} packages, ${(bytes / 1e6).toFixed(1)} MB`);
    expect(bytes).toBeLessThan(SIZE_LIMIT_MB * 1e6);
    await symlink(join(modules, "openai"), join(target, "openai"));
    for (const [file, code] of Object.entries(TRACED)) {
      await writeFile(join(project, file), code);
      const said = execFileSync(process.execPath, [file], { cwd: project, encoding: "utf8" });
      expect(JSON.parse(said)).toEqual({ started: 1, enqueued: 1 });
    }
  } finally {
    await rm(project, { recursive: true, force: true });
  }
});

/** An OpenAI call on a stubbed fetch, and what the counters say of it. */
const CALL = `
  const answer = { id: "1", model: "m", choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } };
  const client = new OpenAI({ apiKey: "k", fetch: async () => Response.json(answer) });
  client.chat.completions.create({ model: "m", messages: [] }).then(() => setTimeout(() => {
    const { spansStarted: started, spansEnqueued: enqueued } = stats();
    console.log(JSON.stringify({ started, enqueued }));
    process.exit(0);
  }, 50));
`;
const TRACED = {
  "empty.mjs": `import "@assay/instrumentation/register";\nimport { stats } from "@assay/instrumentation";\nimport OpenAI from "openai";\n${CALL}`,
  "empty.cjs": `require("@assay/instrumentation/register");\nconst { stats } = require("@assay/instrumentation");\nconst { OpenAI } = require("openai");\n${CALL}`,
};

async function dependenciesOf(folder: string): Promise<string[]> {
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    dependencies?: Record<string, string>;
    peerDependencies?: Record<string, string>;
    peerDependenciesMeta?: Record<string, { optional?: boolean }>;
  };
  const peers = Object.keys(manifest.peerDependencies ?? {}).filter(
    (name) => !manifest.peerDependenciesMeta?.[name]?.optional,
  );
  return [...Object.keys(manifest.dependencies ?? {}), ...peers];
}

async function copyPackage(from: string, modulesFolder: string): Promise<void> {
  const { name } = JSON.parse(await readFile(join(from, "package.json"), "utf8")) as {
    name: string;
  };
  await cp(from, join(modulesFolder, name), { recursive: true });
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}

test("it patches the SDK from an ES module", async () => {
  const code = `import "@assay/instrumentation/register";\nimport { status } from "@assay/instrumentation";\nimport OpenAI from "openai";\n${report}`;
  expect(await run("service.mjs", code)).toContain("openai");
});

test("it patches the SDK from a CommonJS module", async () => {
  const code = `require("@assay/instrumentation/register");\nconst { status } = require("@assay/instrumentation");\nrequire("openai");\n${report}`;
  expect(await run("service.cjs", code)).toContain("openai");
});

test.each(["conventions", "pricing", "redact", "hash"])(
  "the entry point %s can be imported",
  async (entry) => {
    const code = `import * as all from "@assay/instrumentation/${entry}";\nconsole.log(Object.keys(all).length > 0);`;
    expect((await run(`${entry}.mjs`, code)).trim()).toBe("true");
  },
);
