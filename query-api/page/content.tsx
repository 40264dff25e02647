/**
 * Prompts, answers, tool calls and documents, in the shapes that the GenAI conventions give them.
 *
 * What has another shape (older instrumentations, cut-off JSON) is shown as it came. Everything becomes text nodes:
 * markup inside a prompt stays text.
 */
type Json = Record<string, unknown>;

function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function Value({ value }: { value: unknown }) {
  return <pre>{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</pre>;
}

/** `role`: of parts that stand alone, as system instructions do. */
export function Messages({ value, role }: { value: unknown; role: string }) {
  const messages = Array.isArray(value) ? value : [value];
  return (
    <div class="chat">
      {messages.map((message, i) => {
        const whose = isRecord(message) && typeof message.role === "string" ? message.role : role;
        return (
          <div
            key={i}
            class={`message ${["user", "assistant", "system", "tool"].includes(whose) ? whose : "other"}`}
          >
            <b>{whose}</b>
            {partsOf(message).map((part, j) => (
              <MessagePart key={j} part={part} />
            ))}
          </div>
        );
      })}
    </div>
  );
}

function partsOf(message: unknown): unknown[] {
  if (!isRecord(message)) return [message];
  if (Array.isArray(message.parts)) return message.parts;
  if (Array.isArray(message.content) && message.type === undefined) return message.content;
  if (message.role !== undefined && typeof message.content === "string") return [message.content];
  return [message];
}

function MessagePart({ part }: { part: unknown }) {
  if (typeof part === "string") return <p>{part}</p>;
  if (!isRecord(part)) return <Value value={part} />;
  const text = part.content ?? part.text;
  if (typeof text === "string" && part.type !== "tool_call_response") {
    return <p class={part.type === "reasoning" ? "reasoning" : ""}>{text}</p>;
  }
  if (part.type === "tool_call") {
    return (
      <div class="tool">
        <span class="badge">calls {asText(part.name ?? "")}</span>
        <Value value={part.arguments ?? {}} />
      </div>
    );
  }
  if (part.type === "tool_call_response") {
    return (
      <div class="tool">
        <span class="badge">answers</span>
        <Value value={part.response ?? part.result ?? part.content} />
      </div>
    );
  }
  return <Value value={part} />;
}

export function Documents({ value }: { value: unknown }) {
  if (!Array.isArray(value)) return <Value value={value} />;
  // Similarities end at 1; a text search's scores have no end, and are shown beside the best.
  const best = Math.max(1, ...value.map((one) => (isRecord(one) ? Number(one["score"]) || 0 : 0)));
  return (
    <ol class="documents" data-testid="documents">
      {value.map((document: unknown, i) =>
        isRecord(document) ? (
          <Document key={i} document={document} best={best} />
        ) : (
          <li key={i}>
            <Value value={document} />
          </li>
        ),
      )}
    </ol>
  );
}

function Document({ document, best }: { document: Json; best: number }) {
  const { id, score, content, ...rest } = document;
  const known = typeof score === "number";
  return (
    <li>
      <div class="document-head">
        <code>{id === undefined ? "without id" : asText(id)}</code>
        {known && <meter min={0} max={best} value={score} aria-hidden="true" />}
        {known && <b>{score.toFixed(3)}</b>}
      </div>
      {content !== undefined &&
        (typeof content === "string" ? <p>{content}</p> : <Value value={content} />)}
      {Object.keys(rest).length > 0 && (
        <small class="muted">
          {Object.entries(rest)
            .map(([k, v]) => `${k}: ${typeof v === "string" ? v : JSON.stringify(v)}`)
            .join(" · ")}
        </small>
      )}
    </li>
  );
}
