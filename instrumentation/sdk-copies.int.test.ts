/** What is said of an SDK that has changed in a way that we do not know. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Status } from "./index.ts";
import { runNode } from "./testing/run-node.ts";

const REGISTER = fileURLToPath(new URL("register.ts", import.meta.url));
const OURS = fileURLToPath(new URL("../node_modules/@assay", import.meta.url));
const SERVICE = `
import { status } from "@assay/instrumentation";
import { OpenAI } from "openai";
const answer = await new OpenAI().ask?.();
console.log(JSON.stringify({ answer, status: status() }));
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "assay-new-major-"));
  await mkdir(join(folder, "node_modules", "openai"), { recursive: true });
  await symlink(OURS, join(folder, "node_modules", "@assay"));
  await writeFile(join(folder, "service.mjs"), SERVICE);
});
afterAll(() => rm(folder, { recursive: true }));

/** A package with both builds of a class of this kind. */
async function installOpenAi(classBody: string, version: string): Promise<void> {
  const root = join(folder, "node_modules", "openai");
  const manifest = {
    name: "openai",
    version,
    exports: { import: "./index.mjs", require: "./index.cjs" },
  };
  await writeFile(join(root, "package.json"), JSON.stringify(manifest));
  await writeFile(join(root, "index.mjs"), `export class OpenAI ${classBody}`);
  await writeFile(join(root, "index.cjs"), `exports.OpenAI = class OpenAI ${classBody}`);
}

async function runService(): Promise<{ answer: string; status: Status; stderr: string }> {
  const { stdout, stderr } = await runNode(
    ["--import", REGISTER, join(folder, "service.mjs")],
    { ASSAY_ENDPOINT: "http://127.0.0.1:9" },
    folder,
  );
  return { ...(JSON.parse(stdout) as { answer: string; status: Status }), stderr };
}

test("a major with nothing that is known: its status, one warning, and the service goes on", async () => {
  await installOpenAi(`{ async ask() { return "an answer"; } }`, "99.0.0");
  const { answer, status, stderr } = await runService();
  expect(answer).toBe("an answer");
  expect(stderr.trim().split("\n")).toEqual([
    expect.stringMatching(/^assay: openai 99\.0\.0 at .* does not have chat\.completions\.create/),
  ]);
  expect(status.sdks.map(({ version, patched }) => ({ version, patched }))).toEqual([
    { version: "99.0.0", patched: [] },
    { version: "99.0.0", patched: [] },
  ]);
  expect(status.sdks[0]?.absent).toContain("responses.create");
});

test("a major that has lost what it is used for is reported as well", async () => {
  const embeddings = `{ static Embeddings = class { create() {} }; }`;
  await installOpenAi(embeddings, "98.0.0");
  const { status, stderr } = await runService();
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(stderr).toMatch(/openai 98\.0\.0 at .* does not have chat\.completions\.create, by which/);
  expect(status.sdks[0]?.patched).toEqual(["embeddings.create"]);
});

test("a major that only lacks what came later is not", async () => {
  const chat = `{ static Chat = class { static Completions = class { create() {} } } }`;
  await installOpenAi(chat, "4.0.0");
  const { status, stderr } = await runService();
  expect(stderr).toBe("");
  expect(status.sdks[0]?.patched).toEqual(["chat.completions.create"]);
});
