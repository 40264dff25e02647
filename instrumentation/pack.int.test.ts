/** What is published, run the way a user's Node runs it: compiled, under node_modules. */
import { execFileSync } from "node:child_process";
import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pack } from "./pack.ts";

const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
let built: string;
let service: string;

beforeAll(async () => {
  built = await pack();
  service = await mkdtemp(join(tmpdir(), "assay-service-"));
  const [tarball] = JSON.parse(
    execFileSync("npm", ["pack", built, "--json", "--pack-destination", service], {
      encoding: "utf8",
    }),
  ) as { filename: string }[];
  const installed = join(service, "node_modules", "@assay", "instrumentation");
  await mkdir(installed, { recursive: true });
  execFileSync("tar", [
    "xzf",
    join(service, tarball!.filename),
    "-C",
    installed,
    "--strip-components",
    "1",
  ]);
  for (const name of ["@opentelemetry", "@pydantic", "openai", "protobufjs"]) {
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
