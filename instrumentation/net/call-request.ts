/** A recognised request as a model call: whose API it goes to, and what its body says. */
import type { CallRequest } from "../model-call.ts";
import { serverOf, type ServerAddress } from "../providers.ts";
import { fields, text, type Fields } from "../untyped.ts";
import type { WireFormat } from "./formats.ts";
import type { RequestBody } from "./request-body.ts";

/** Nothing is computed before it is asked for: most calls of a patched SDK come by here, and are asked for nothing. */
export function callRequest(format: WireFormat, url: string, body: RequestBody): CallRequest {
  return {
    dialect: format.dialect,
    get server() {
      return serverAt(url, format.provider);
    },
    get body() {
      return bodyWithModel(parsed(body), url);
    },
  };
}

const servers = new Map<string, ServerAddress>();
/** A service speaks to a handful of origins; one that makes them up gets no cache. */
const MAX_SERVERS = 100;

/** An address is parsed once per origin and provider. */
function serverAt(url: string, provider: string): ServerAddress {
  const slash = url.indexOf("/", url.indexOf("//") + 2);
  const origin = slash < 0 ? url : url.slice(0, slash);
  const key = `${provider} ${origin}`;
  const known = servers.get(key);
  if (known) return known;
  const server = serverOf(origin, provider);
  if (servers.size < MAX_SERVERS) servers.set(key, server);
  return server;
}

/** Not JSON: the API will say so. */
function parsed(body: RequestBody): Fields {
  try {
    return fields(JSON.parse(body.toString())) ?? {};
  } catch {
    return {};
  }
}

/** Where the address names the model: Azure's deployments, Gemini's methods. */
const MODEL_IN_PATH = /\/(?:deployments|models)\/([^/:?]+)[/:]/;

function bodyWithModel(body: Fields, url: string): Fields {
  if (text(body["model"])) return body;
  const model = MODEL_IN_PATH.exec(url)?.[1];
  return model === undefined ? body : { ...body, model: decodeURIComponent(model) };
}
