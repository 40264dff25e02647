/**
 * A method of a store's client that searches. Adding a store is adding a table of these (see qdrant.ts) with the `Sdk`
 * that patches its classes, and a row in instrument-retriever.ts.
 */
import type { TracedMethod } from "../patch-method.ts";
import { serverOf, type ServerAddress } from "../providers.ts";
import { startRetrieval, type RetrievalRequest } from "./retrieval.ts";

/** What a call of the method asks. Only picks values: it runs inside the call. */
export type ReadRequest = (self: unknown, args: readonly unknown[]) => RetrievalRequest | undefined;

/**
 * @param classes the class, from what the package exports
 * @param resource the object that has the method, from the client
 */
export function searchMethod(
  name: string,
  read: ReadRequest,
  classes: readonly string[],
  resource: readonly string[] = [],
): TracedMethod {
  return {
    name,
    classes,
    resource,
    trace: (original, self, args) => {
      const search = (): unknown => Reflect.apply(original, self, args);
      const retrieval = startRetrieval(() => read(self, args));
      return retrieval ? retrieval.observe(search) : search();
    },
  };
}

const SERVERS_LIMIT = 64;
const servers = new Map<string, ServerAddress>();

/** Parsed once per address. */
export function serverAt(url: string | undefined): ServerAddress | undefined {
  if (!url) return undefined;
  let server = servers.get(url);
  if (!server) {
    server = serverOf(url, "");
    if (servers.size < SERVERS_LIMIT) servers.set(url, server);
  }
  return server;
}
