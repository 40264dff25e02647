/** What `POST /ask` takes. */

export interface Question {
  question: string;
  user?: string;
  session?: string;
  model?: string;
  stream: boolean;
}

export class BadQuestion extends Error {}

const MAX_QUESTION = 4_000;

export function parseQuestion(body: unknown): Question {
  if (typeof body !== "object" || body === null) throw new BadQuestion("expected a JSON object");
  const fields = body as Record<string, unknown>;
  const question = optionalText(fields, "question");
  if (question === undefined || question.trim() === "") {
    throw new BadQuestion(`question: expected some text, got "${String(fields["question"])}"`);
  }
  if (question.length > MAX_QUESTION) {
    throw new BadQuestion(
      `question: expected at most ${MAX_QUESTION} characters, got ${question.length}`,
    );
  }
  const parsed: Question = { question, stream: fields["stream"] === true };
  for (const name of ["user", "session", "model"] as const) {
    const value = optionalText(fields, name);
    if (value !== undefined) parsed[name] = value;
  }
  return parsed;
}

function optionalText(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined || typeof value === "string") return value;
  throw new BadQuestion(`${name}: expected text, got "${typeof value}"`);
}
