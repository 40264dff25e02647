/**
 * What happened in the last fourteen days, in three projects:
 *
 * - `handbook`: a front desk asks the handbook service, which retrieves and asks gpt-4o-mini. Five days ago v1.5.0 was
 *   released: prompt version 3 hands over eight passages instead of four. Answers stay the same, input and cost rise.
 * - `shop-assistant`: a chat with sessions of several turns; embeds, retrieves, streams from gpt-4o. Three days ago,
 *   from 09:00 to 17:00 UTC, it was slow (× 2.6) and failed more often.
 * - `mail-triage`: sorts e-mails. Eight days ago it moved from gpt-4.1 to gpt-4.1-mini, whose tokens cost a fifth. That is
 *   a change of model, not of a price: no model in the price data changes its price by date within these days. Its
 *   hourly digest runs on deepseek-v4-flash, whose price does change, with the hour of the day.
 */
import { SpanKind, type Attributes } from "@opentelemetry/api";
import { ATTR } from "@assay/instrumentation/conventions";
import { answerTo } from "@assay/example-rag/model-server/answer.ts";
import { CHAT_MODELS } from "@assay/example-rag/model-server/models.ts";
import { embeddingTokens, promptTokens, tokensOf } from "@assay/example-rag/model-server/tokens.ts";
import { systemPrompt } from "@assay/example-rag/prompt.ts";
import type { FoundPassage, Retriever } from "@assay/example-rag/retriever.ts";
import { createResource } from "./history-spans.ts";
import type { Resource, SpanRecord } from "./history-spans.ts";
import {
  DIGEST_INSTRUCTIONS,
  MAILS,
  SHOP_EXCHANGES,
  SHOP_INSTRUCTIONS,
  TRIAGE_INSTRUCTIONS,
} from "./history-texts.ts";
import { QUESTIONS } from "./questions.ts";
import type { Random } from "./random.ts";

/** When things changed. */
export interface Timeline {
  releaseUnixMs: number;
  slowFromUnixMs: number;
  slowUntilUnixMs: number;
  modelSwitchUnixMs: number;
}

export interface Stage {
  random: Random;
  timeline: Timeline;
  emit(span: SpanRecord): void;
}

interface Caller {
  project: string;
  user?: string;
  session?: string;
  prompt: { name: string; version: string };
}

const REGIONS = ["eu-central-1", "eu-central-1", "eu-west-1", "us-east-1"] as const;
const resources = new Map<string, Resource>();

function resourceOf(service: string, version: string, region: string): Resource {
  const key = `${service} ${version} ${region}`;
  let resource = resources.get(key);
  if (resource === undefined)
    resources.set(key, (resource = createResource(service, version, region)));
  return resource;
}

/** One session with the front desk: one to three questions. */
export function createHandbookScene(retrieve: Retriever) {
  const asked = new Map<
    string,
    { passages: FoundPassage[]; system: string; text: string; tokens: Tokens }
  >();

  function lookUp(question: string, topK: number) {
    const key = `${topK} ${question}`;
    let known = asked.get(key);
    if (known === undefined) {
      const passages = retrieve(question).slice(0, topK);
      const messages = dialogue(systemPrompt(passages), question);
      const text = answerTo(messages);
      known = { passages, system: messages[0].content, text, tokens: count(messages, text) };
      asked.set(key, known);
    }
    return known;
  }

  return (stage: Stage, startUnixMs: number): void => {
    const { random, timeline } = stage;
    const user = `user-${random.pickZipf(60) + 1}`;
    const session = `s-${random.hex(6)}`;
    const region = random.pick(REGIONS);
    let atUnixMs = startUnixMs;
    for (let turns = 1 + random.count(0.7); turns > 0; turns--) {
      const released = atUnixMs >= timeline.releaseUnixMs;
      const version = released ? "1.5.0" : "1.4.0";
      const question = random.pick(QUESTIONS);
      const topK = released ? 8 : 4;
      const { passages, system, text, tokens } = lookUp(question, topK);
      const model = random.chance(0.85) ? "gpt-4o-mini" : "gpt-4o";
      const caller = {
        project: "handbook",
        user,
        session,
        prompt: { name: "handbook-answer", version: released ? "3" : "2" },
      };
      const trace = new Trace(stage, caller, atUnixMs);
      trace.serve("POST /questions", resourceOf("frontdesk", version, region), () => {
        trace.pass(2 + 3 * random.next());
        trace.serve("POST /ask", resourceOf("handbook", version, region), () => {
          trace.pass(1);
          trace.retrieve({
            name: "handbook",
            provider: "minisearch",
            query: question,
            documents: passages,
            topK,
            ms: 3 * random.spread(0.4),
          });
          trace.chat({
            provider: "openai",
            model,
            system,
            question,
            answer: text,
            tokens,
            errorRate: 0.008,
          });
        });
      });
      atUnixMs = trace.nowUnixMs + 20_000 + 60_000 * random.next();
    }
  };
}

/** One chat in the shop: several turns, the earlier ones in the prompt. */
export function shopScene(stage: Stage, startUnixMs: number): void {
  const { random, timeline } = stage;
  const user = `customer-${random.pickZipf(200) + 1}`;
  const session = `chat-${random.hex(6)}`;
  const region = random.pick(REGIONS);
  const resource = resourceOf("shop-assistant", "2.11.3", region);
  const history: { role: string; content: string }[] = [];
  let atUnixMs = startUnixMs;
  for (let turns = Math.min(1 + random.count(1.6), 6); turns > 0; turns--) {
    const { question, answer, documents } = random.pick(SHOP_EXCHANGES);
    const slow = atUnixMs >= timeline.slowFromUnixMs && atUnixMs < timeline.slowUntilUnixMs;
    const system = `${SHOP_INSTRUCTIONS}\n\n${documents.map(({ content }) => content).join("\n")}`;
    const messages = [
      { role: "system", content: system },
      ...history,
      { role: "user", content: question },
    ];
    const prompt = { name: "shop-assistant", version: "7" };
    const trace = new Trace(stage, { project: "shop-assistant", user, session, prompt }, atUnixMs);
    trace.serve("POST /chat", resource, () => {
      trace.embed({
        provider: "openai",
        model: "text-embedding-3-small",
        tokens: embeddingTokens(question),
      });
      trace.retrieve({
        name: "products",
        provider: "qdrant",
        query: question,
        documents: documents.map((document) => ({
          ...document,
          score: 0.6 + 0.35 * random.next(),
        })),
        topK: 3,
        ms: 12 * random.spread(0.5),
      });
      trace.chat({
        provider: "openai",
        model: "gpt-4o",
        system,
        history,
        question,
        answer,
        tokens: count(messages, answer),
        stream: true,
        slowness: slow ? 2.6 : 1,
        errorRate: slow ? 0.05 : 0.006,
      });
    });
    history.push({ role: "user", content: question }, { role: "assistant", content: answer });
    atUnixMs = trace.nowUnixMs + 15_000 + 45_000 * random.next();
  }
}

/** One e-mail. */
export function triageScene(stage: Stage, startUnixMs: number): void {
  const { random, timeline } = stage;
  const { text, label } = random.pick(MAILS);
  const answer = JSON.stringify({ label, urgent: label === "complaint" });
  const trace = new Trace(
    stage,
    { project: "mail-triage", prompt: { name: "triage", version: "4" } },
    startUnixMs,
  );
  trace.within(resourceOf("mail-triage", "0.9.2", "eu-central-1"), () => {
    trace.chat({
      provider: "openai",
      model: startUnixMs >= timeline.modelSwitchUnixMs ? "gpt-4.1-mini" : "gpt-4.1",
      system: TRIAGE_INSTRUCTIONS,
      question: text,
      answer,
      tokens: count(dialogue(TRIAGE_INSTRUCTIONS, text), answer),
      errorRate: 0.004,
    });
  });
}

/** The summary of an hour's e-mails. */
export function digestScene(stage: Stage, startUnixMs: number): void {
  const { random } = stage;
  const mails = Array.from({ length: 12 + random.below(12) }, () => random.pick(MAILS));
  const text = mails.map((mail, i) => `${i + 1}. ${mail.text}`).join("\n");
  const urgent = mails.filter(({ label }) => label === "complaint").length;
  const answer = `Most customers ask where their order is, or how to return it. ${urgent} of ${mails.length} e-mails are complaints and should be answered first.`;
  const trace = new Trace(
    stage,
    { project: "mail-triage", prompt: { name: "digest", version: "2" } },
    startUnixMs,
  );
  trace.within(resourceOf("mail-digest", "0.9.2", "eu-central-1"), () => {
    trace.chat({
      provider: "deepseek",
      model: "deepseek-v4-flash",
      system: DIGEST_INSTRUCTIONS,
      question: text,
      answer,
      tokens: count(dialogue(DIGEST_INSTRUCTIONS, text), answer),
      errorRate: 0.004,
    });
  });
}

interface Tokens {
  input: number;
  output: number;
}

function count(messages: { role: string; content: string }[], answer: string): Tokens {
  return { input: promptTokens(messages).length, output: tokensOf(answer).length };
}

function dialogue(system: string, question: string) {
  return [
    { role: "system", content: system },
    { role: "user", content: question },
  ] as [{ role: string; content: string }, { role: string; content: string }];
}

interface ChatCall {
  provider: string;
  model: string;
  system: string;
  history?: readonly { role: string; content: string }[];
  question: string;
  answer: string;
  tokens: Tokens;
  stream?: boolean;
  /** Factor on its duration. */
  slowness?: number;
  errorRate: number;
}

const CALL_ERRORS = [
  { type: "RateLimitError", message: "429 Rate limit reached for requests" },
  { type: "APIConnectionTimeoutError", message: "Request timed out." },
  {
    type: "InternalServerError",
    message: "500 The server had an error while processing your request",
  },
];

/** Builds a trace in the order of time: the clock moves on with each call, a parent ends after its children. */
class Trace {
  nowUnixMs: number;
  readonly #stage: Stage;
  readonly #caller: Caller;
  readonly #traceId: string;
  #parentSpanId: string | undefined;
  #resource: Resource | undefined;
  #failed = false;

  constructor(stage: Stage, caller: Caller, startUnixMs: number) {
    this.nowUnixMs = startUnixMs;
    this.#stage = stage;
    this.#caller = caller;
    this.#traceId = stage.random.hex(16);
  }

  pass(ms: number): void {
    this.nowUnixMs += ms;
  }

  within(resource: Resource, run: () => void): void {
    const outer = this.#resource;
    this.#resource = resource;
    run();
    this.#resource = outer;
  }

  /** An incoming request, and what is done for it. */
  serve(name: string, resource: Resource, run: () => void): void {
    const startUnixMs = this.nowUnixMs;
    const outer = this.#parentSpanId;
    const spanId = this.#stage.random.hex(8);
    this.#parentSpanId = spanId;
    this.within(resource, run);
    this.#parentSpanId = outer;
    this.pass(1 + this.#stage.random.next());
    const [method, path] = name.split(" ");
    const status = this.#failed ? 502 : 200;
    this.#emit(resource, {
      name,
      kind: SpanKind.SERVER,
      spanId,
      startUnixMs,
      attributes: {
        "http.request.method": method,
        "url.path": path,
        "http.response.status_code": status,
      },
      ...(this.#failed && { error: { type: "502", message: "" } }),
    });
  }

  retrieve(retrieval: {
    name: string;
    provider: string;
    query: string;
    documents: readonly { id: string; content?: string; text?: string; score: number }[];
    topK: number;
    ms: number;
  }): void {
    const documents = retrieval.documents.map(({ id, score, content, text }) => ({
      id,
      score,
      content: content ?? text,
    }));
    this.#call(retrieval.ms, {
      name: `retrieval ${retrieval.name}`,
      kind: SpanKind.CLIENT,
      attributes: {
        [ATTR.operationName]: "retrieval",
        [ATTR.providerName]: retrieval.provider,
        [ATTR.dataSourceId]: retrieval.name,
        [ATTR.retrievalTopK]: retrieval.topK,
        [ATTR.requestTopK]: retrieval.topK,
        [ATTR.retrievalQuery]: retrieval.query,
        [ATTR.retrievalDocuments]: JSON.stringify(documents),
        [ATTR.assayDocumentCount]: documents.length,
      },
    });
  }

  embed({ provider, model, tokens }: { provider: string; model: string; tokens: number }): void {
    this.#call(70 * this.#stage.random.spread(0.3), {
      name: `embeddings ${model}`,
      kind: SpanKind.CLIENT,
      attributes: {
        [ATTR.operationName]: "embeddings",
        [ATTR.providerName]: provider,
        [ATTR.requestModel]: model,
        [ATTR.responseModel]: model,
        [ATTR.inputTokens]: tokens,
      },
    });
  }

  chat(call: ChatCall): void {
    const { random } = this.#stage;
    const speed = CHAT_MODELS.get(call.model) ?? { firstTokenMs: 600, tokensPerSecond: 60 };
    const slowness = (call.slowness ?? 1) * random.spread(0.25);
    const firstMs = (speed.firstTokenMs + call.tokens.input / 20) * slowness * random.spread(0.2);
    const wholeMs = firstMs + ((call.tokens.output * 1000) / speed.tokensPerSecond) * slowness;
    const failed = random.chance(call.errorRate);
    const attributes = requestAttributes(call);
    if (!failed)
      Object.assign(attributes, responseAttributes(call, `chatcmpl-${random.hex(12)}`, firstMs));
    if (failed) this.#failed = true;
    this.#call(failed ? 300 * random.spread(1) : wholeMs, {
      name: `chat ${call.model}`,
      kind: SpanKind.CLIENT,
      attributes,
      ...(failed && { error: random.pick(CALL_ERRORS) }),
    });
  }

  #call(ms: number, span: Pick<SpanRecord, "name" | "kind" | "attributes" | "error">): void {
    if (this.#resource === undefined) throw new Error("a call outside of a service");
    const startUnixMs = this.nowUnixMs;
    this.pass(ms);
    this.#emit(this.#resource, { ...span, spanId: this.#stage.random.hex(8), startUnixMs });
  }

  #emit(
    resource: Resource,
    span: Omit<SpanRecord, "traceId" | "parentSpanId" | "durationMs" | "resource">,
  ): void {
    const { project, user, session, prompt } = this.#caller;
    const attributes: Attributes = { ...span.attributes, [ATTR.assayProject]: project };
    if (user !== undefined) attributes[ATTR.userId] = user;
    if (session !== undefined)
      attributes[ATTR.conversationId] = attributes[ATTR.sessionId] = session;
    if (span.kind === SpanKind.CLIENT) {
      attributes[ATTR.promptName] = prompt.name;
      attributes[ATTR.promptVersion] = prompt.version;
    }
    this.#stage.emit({
      ...span,
      attributes,
      resource,
      traceId: this.#traceId,
      durationMs: this.nowUnixMs - span.startUnixMs,
      ...(this.#parentSpanId !== undefined && { parentSpanId: this.#parentSpanId }),
    });
  }
}

function requestAttributes(call: ChatCall): Attributes {
  const said = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });
  const messages = [
    ...(call.history ?? []).map(({ role, content }) => said(role, content)),
    said("user", call.question),
  ];
  return {
    [ATTR.operationName]: "chat",
    [ATTR.providerName]: call.provider,
    [ATTR.requestModel]: call.model,
    [ATTR.requestTemperature]: 0.2,
    [ATTR.serverAddress]: call.provider === "openai" ? "api.openai.com" : "api.deepseek.com",
    [ATTR.systemInstructions]: JSON.stringify([{ type: "text", content: call.system }]),
    [ATTR.inputMessages]: JSON.stringify(messages),
    ...(call.stream && { [ATTR.requestStream]: true }),
  };
}

function responseAttributes(call: ChatCall, id: string, firstMs: number): Attributes {
  const message = {
    role: "assistant",
    parts: [{ type: "text", content: call.answer }],
    finish_reason: "stop",
  };
  return {
    [ATTR.responseId]: id,
    [ATTR.responseModel]: CHAT_MODELS.get(call.model)?.snapshot ?? call.model,
    [ATTR.responseFinishReasons]: ["stop"],
    [ATTR.inputTokens]: call.tokens.input,
    [ATTR.outputTokens]: call.tokens.output,
    [ATTR.outputMessages]: JSON.stringify([message]),
    ...(call.stream && { [ATTR.responseTimeToFirstChunk]: firstMs / 1000 }),
  };
}
