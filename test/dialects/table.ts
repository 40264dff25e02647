/** Prints docs/dialects.md, or writes it: npm run docs:dialects */
import { writeFile } from "node:fs/promises";
import { collect, type Collected, INSTRUMENTATIONS, type Instrumentation } from "./collect.ts";
import { dialectsPage } from "./page.ts";

const collected = new Map<Instrumentation, Collected>();
for (const name of Object.keys(INSTRUMENTATIONS) as Instrumentation[])
  collected.set(name, await collect(name));
const page = dialectsPage(collected);
if (process.argv.includes("--write"))
  await writeFile(new URL("../../docs/dialects.md", import.meta.url), page);
else process.stdout.write(page);
