/** gRPC's answers: a message and trailers, or trailers alone. */
import { constants, type ServerHttp2Stream } from "node:http2";
import { cut, statusBody } from "../answer.ts";
import type { Refusal, RefusalReason } from "../refusal.ts";
import { frame } from "./framing.ts";

const OK = "0";
const CONTENT_TYPE = "application/grpc";
/** Answers of HTTP itself, for callers that do not speak gRPC; everything else is 200 with a grpc-status. */
const HTTP_ANSWERS: ReadonlySet<RefusalReason> = new Set(["method", "content_type"]);

const ACCEPTED = "identity,gzip";

/** Begins an answer that `end` completes; a server's stream may send several messages in between. */
export function beginAnswer(stream: ServerHttp2Stream): void {
  if (!canAnswer(stream)) return;
  stream.respond(
    { ":status": 200, "content-type": CONTENT_TYPE, "grpc-accept-encoding": ACCEPTED },
    { waitForTrailers: true },
  );
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": OK }));
}

export function answerMessage(stream: ServerHttp2Stream, content: Buffer): void {
  if (!canAnswer(stream)) return;
  beginAnswer(stream);
  stream.end(frame(content));
}

/** Trailers only; a client that is still sending is told to stop. */
export function answerRefusal(stream: ServerHttp2Stream, refusal: Refusal): void {
  if (!canAnswer(stream)) return;
  stream.respond(
    {
      ":status": HTTP_ANSWERS.has(refusal.reason) ? refusal.httpStatus : 200,
      "content-type": CONTENT_TYPE,
      "grpc-status": String(refusal.rpcCode),
      "grpc-message": percentEncoded(cut(refusal.message)),
      "grpc-status-details-bin": statusBody("protobuf", refusal).toString("base64"),
      "grpc-accept-encoding": ACCEPTED,
    },
    { endStream: true },
  );
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
}

export function canAnswer(stream: ServerHttp2Stream): boolean {
  return !stream.destroyed && !stream.closed && !stream.headersSent;
}

/** As the specification of gRPC over HTTP/2 has it: printable ASCII but `%` stays. */
function percentEncoded(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}
