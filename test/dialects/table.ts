/** Prints docs/dialects.md, or writes it: npm run docs:dialects */
import { writeFile } from "node:fs/promises";
import { collectAll, INSTRUMENTATIONS, type Instrumentation } from "./collect.ts";
import { dialectsPage } from "./page.ts";

const collected = await collectAll(Object.keys(INSTRUMENTATIONS) as Instrumentation[]);
const page = dialectsPage(collected);
if (process.argv.includes("--write"))
  await writeFile(new URL("../../docs/dialects.md", import.meta.url), page);
else process.stdout.write(page);
