/**
 * Whose API a client of an SDK speaks to: by its base URL, parsed once per client and URL, unless `instrument()` was
 * told otherwise.
 */
import { countError } from "./health.ts";
import { serverOf, type ServerAddress } from "./providers.ts";
import { memberOf, text } from "./untyped.ts";

const named = new WeakMap<object, string>();
const servers = new WeakMap<object, { baseUrl: string; server: ServerAddress }>();

export function nameProvider(client: object, provider: string): void {
  named.set(client, provider);
}

/**
 * @param otherwise the provider whose SDK it is, for hosts that no provider is known for
 * @param address the base URL. @default the client's `baseURL`
 */
export function serverOfClient(
  client: unknown,
  otherwise: string,
  address = text(memberOf(client, "baseURL")),
): ServerAddress {
  try {
    if (typeof client !== "object" || client === null) return serverOf(undefined, otherwise);
    const baseUrl = address ?? "";
    const known = servers.get(client);
    if (known?.baseUrl === baseUrl) return known.server;
    const provider = named.get(client);
    const server = { ...serverOf(baseUrl, otherwise), ...(provider ? { provider } : {}) };
    servers.set(client, { baseUrl, server });
    return server;
  } catch (error) {
    countError("reading a client's address", error);
    return serverOf(undefined, otherwise);
  }
}
