/**
 * One HTTP/2 session's good behaviour, both ways.
 *
 * A client may open streams only to reset them, or send frames that each cost an answer, without ever finishing a call
 * (rapid reset, PING and SETTINGS floods). Each kind has an allowance far above what an exporter does; a session that
 * uses one up is ended with ENHANCE_YOUR_CALM. The HTTP/2 library beneath bounds the rest: streams at a time, refused
 * streams, frames of CONTINUATION, size of headers.
 *
 * A peer that vanished is found by our own PINGs. And no session lives for ever: after its age it takes no new streams
 * and ends when the last is answered, so that clients spread over the collectors behind a balancer; the jitter keeps
 * those that came together from leaving together.
 */
import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { Allowance } from "./allowance.ts";

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

export interface SessionLimits {
  /** Quiet for so long, the peer is asked whether it is there. @default 30,000 */
  keepaliveMs?: number;
  /** And ended when it has not answered by then. @default 10,000 */
  keepaliveTimeoutMs?: number;
  /** @default 30 minutes */
  maxAgeMs?: number;
  /** Of the age, up or down. @default 0.1 */
  ageJitter?: number;
  /** How long a session past its age may finish what is under way. @default 60,000 */
  graceMs?: number;
}

const LAST_STREAM_ID = 2 ** 31 - 1;

/** A session that floods is ended with an error that says what of. */
export function guardSession(session: ServerHttp2Session, limits: SessionLimits): void {
  const pings = new Allowance(100, 2);
  const settings = new Allowance(20, 1);
  const resets = new Allowance(400, 20);
  const end = (what: string): void => {
    if (!session.destroyed)
      session.destroy(new Error(`too many ${what}`), NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on("ping", () => {
    if (!pings.take()) end("PING frames");
  });
  session.on("remoteSettings", () => {
    if (!settings.take()) end("SETTINGS frames");
  });
  session.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("close", () => {
      // gRPC in Go and Java measures the line with a PING for every answer it gets.
      if (stream.headersSent && stream.rstCode === NGHTTP2_NO_ERROR) pings.refill();
      else if (stream.aborted && !resets.take()) end("reset streams");
    });
  });
  const stopAsking = keepAlive(session, limits);
  const aging = setTimeout(() => retire(session, limits.graceMs ?? 60_000), ageOf(limits));
  session.once("close", () => {
    stopAsking();
    clearTimeout(aging);
  });
}

function ageOf({ maxAgeMs = 1_800_000, ageJitter = 0.1 }: SessionLimits): number {
  return maxAgeMs * (1 + ageJitter * (2 * Math.random() - 1));
}

function keepAlive(session: ServerHttp2Session, limits: SessionLimits): () => void {
  const { keepaliveMs = 30_000, keepaliveTimeoutMs = 10_000 } = limits;
  let patience: NodeJS.Timeout | undefined;
  const asking = setInterval(() => {
    if (session.destroyed || patience !== undefined) return;
    patience = setTimeout(() => session.destroy(), keepaliveTimeoutMs);
    session.ping(() => {
      clearTimeout(patience);
      patience = undefined;
    });
  }, keepaliveMs);
  return () => {
    clearInterval(asking);
    clearTimeout(patience);
  };
}

/**
 * Ends a session without losing a call. Streams that the client opens before it hears of it would be thrown away by
 * a plain GOAWAY: so it is announced first, a round trip waited for, and only then the last stream named.
 */
function retire(session: ServerHttp2Session, graceMs: number): void {
  if (session.destroyed || session.closed) return;
  const timer = setTimeout(() => session.destroy(), graceMs);
  session.once("close", () => clearTimeout(timer));
  session.goaway(NGHTTP2_NO_ERROR, LAST_STREAM_ID);
  session.ping(() => session.close());
}
