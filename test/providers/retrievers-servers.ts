/**
 * What Pinecone, Qdrant and Chroma answer over HTTP, for the clients under test. Found are `topK` documents whose ids
 * carry the place that was searched; the place says how the server behaves: `empty`, `letters`, `missing` (404), `broken` (the
 * connection ends), `slow`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StoreServer {
  url: string;
  close: () => Promise<void>;
}

type Body = Readonly<Record<string, unknown>>;
type Answer = (place: string, body: Body) => unknown;

const ROUTES: readonly (readonly [path: RegExp, answer: Answer])[] = [
  // Pinecone
  [/^\/query$/, (_, body) => ({ namespace: body["namespace"], matches: matches(body) })],
  [/^\/records\/namespaces\/(?<place>[^/]+)\/search$/, (place, body) => hits(place, body)],
  [
    /^\/namespaces\/(?<place>[^/]+)\/documents\/search$/,
    (place, body) => ({
      namespace: place,
      usage: { read_units: 1 },
      matches: found(place, Number(body["top_k"])).map(({ id, score, text }) => ({
        _id: id,
        _score: score,
        text,
      })),
    }),
  ],
  // Qdrant
  [
    /^\/collections\/(?<place>[^/]+)\/points\/query$/,
    (place, body) => ({ result: points(place, body) }),
  ],
  [
    /^\/collections\/(?<place>[^/]+)\/points\/query\/groups$/,
    (place, body) => ({
      result: {
        groups: [
          { id: "a", hits: points(place, body).points },
          { id: "b", hits: points(place, { limit: 1 }).points },
        ],
      },
    }),
  ],
  [
    /^\/collections\/(?<place>[^/]+)\/points\/query\/batch$/,
    (place, body) => ({
      result: (body["searches"] as Body[]).map((search) => points(place, search)),
    }),
  ],
  // Chroma
  [
    /^\/api\/v2\/tenants\/[^/]+\/databases\/[^/]+\/collections\/(?<place>[^/]+)\/query$/,
    (place, body) =>
      columns(
        (body["query_embeddings"] as unknown[]).map(() => found(place, Number(body["n_results"]))),
        "distances",
      ),
  ],
  [
    /^\/api\/v2\/tenants\/[^/]+\/databases\/[^/]+\/collections\/(?<place>[^/]+)\/search$/,
    (place, body) =>
      columns(
        (body["searches"] as Body[]).map((search) =>
          found(place, Number((search["limit"] as Body)["limit"])),
        ),
        "scores",
      ),
  ],
  [
    /^\/api\/v2\/tenants\/[^/]+\/databases\/[^/]+\/collections\/(?<place>[^/]+)$/,
    (place) => ({
      id: place,
      name: `the ${place}`,
      tenant: "t",
      database: "d",
      configuration_json: {},
    }),
  ],
];

export async function startStoreServer(): Promise<StoreServer> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readJson(request);
  const path = new URL(request.url ?? "/", "http://localhost").pathname;
  for (const [route, reply] of ROUTES) {
    const match = route.exec(path);
    if (!match) continue;
    const place = match.groups?.["place"] ?? String(body["namespace"]);
    if (place === "broken") return void request.socket.destroy();
    if (place === "slow") await new Promise((resolve) => setTimeout(resolve, 500));
    if (place === "missing")
      return send(response, 404, { message: "no such place", error: "NotFound" });
    return send(response, 200, reply(place, body));
  }
  send(response, 404, { message: `no route for ${path}` });
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function readJson(request: IncomingMessage): Promise<Body> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text ? (JSON.parse(text) as Body) : {};
}

function found(place: string, howMany: number) {
  return Array.from({ length: place === "empty" ? 0 : howMany }, (_, at) => ({
    id: `${place}-${at}`,
    score: 1 - (at + 1) / 8,
    text: place === "letters" ? "Pay with 4111 1111 1111 1111" : `about ${place} ${at}`,
  }));
}

function matches(body: Body): unknown {
  return found(String(body["namespace"]), Number(body["topK"])).map(({ id, score, text }) => ({
    id,
    score,
    values: [],
    metadata: { text, page: 7 },
  }));
}

function hits(place: string, body: Body): unknown {
  const query = body["query"] as Body;
  return {
    result: {
      hits: found(place, Number(query["top_k"])).map(({ id, score, text }) => ({
        _id: id,
        _score: score,
        fields: { chunk_text: text, page: 7 },
      })),
    },
    usage: { read_units: 1 },
  };
}

function points(place: string, body: Body) {
  return {
    points: found(place, Number(body["limit"])).map(({ id, score, text }) => ({
      id,
      version: 1,
      score,
      payload: { text, page: 7 },
    })),
  };
}

function columns(asked: readonly ReturnType<typeof found>[], scores: string): unknown {
  return {
    ids: asked.map((rows) => rows.map(({ id }) => id)),
    documents: asked.map((rows) => rows.map(({ text }) => text)),
    metadatas: asked.map((rows) => rows.map(() => ({ page: 7 }))),
    [scores]: asked.map((rows) => rows.map(({ score }) => score)),
    include: ["documents", "metadatas", scores],
    select: [],
  };
}
