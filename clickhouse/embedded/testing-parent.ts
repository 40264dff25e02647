/** For tests: a process that runs an embedded server and is then killed. Its first argument is the data folder. */
import { withEngine } from "./testing.ts";

const engine = await withEngine({ dataDir: process.argv[2]! });
process.send!(engine.server.pid());
