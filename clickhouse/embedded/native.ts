/**
 * Closes one of several sessions while the others work.
 *
 * chdb's own Session.close() waits until no session of the process runs anything: beside one slow query, 2,000
 * short ones held 400 MB that way. The addon below it asks less, that nothing runs on this very connection, which
 * the caller promises. The addon is not among chdb's exports, so it is loaded by its file's path.
 */
import { createRequire } from "node:module";
import path from "node:path";
import type { Session } from "chdb";

interface Addon {
  CloseConnection(connection: unknown): void;
}

const require = createRequire(import.meta.url);
const loader = require(path.join(path.dirname(require.resolve("chdb")), "dist", "loader.js")) as {
  loadNative(): Addon;
};
const addon = loader.loadNative();

/** Nothing may be running on `session` any more. */
export function closeSession(session: Session): void {
  const { connection } = session;
  session.connection = null; // so that close() only does the bookkeeping
  session.close();
  if (connection) addon.CloseConnection(connection);
}
