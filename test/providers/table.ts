/** Prints docs/support.md, or writes it: node test/providers/table.ts --write */
import { writeFile } from "node:fs/promises";
import { runContract, versionOf, type ContractResult } from "./contract.ts";
import { PROVIDERS } from "./providers.ts";
import { SEARCHES } from "./searches.ts";
import { SUPPORT_PAGE, supportPage } from "./support-page.ts";

const contracts: ContractResult[] = [];
for (const provider of [...PROVIDERS, ...SEARCHES])
  if (versionOf(provider) !== undefined) contracts.push(await runContract(provider));
const page = supportPage(contracts);
if (process.argv.includes("--write")) await writeFile(SUPPORT_PAGE, page);
else process.stdout.write(page);
