import { contractSuite } from "./contract-suite.ts";
import { POSTGRES_BIN } from "./retrievers-postgres.ts";
import { PGVECTOR, SEARCHES } from "./searches.ts";

for (const store of SEARCHES) contractSuite(store, store === PGVECTOR && !POSTGRES_BIN);
