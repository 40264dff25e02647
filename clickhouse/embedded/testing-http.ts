/** For tests: plain requests, without a client library between. */
import type { ClickHouseTarget } from "../client.ts";

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** POSTs `body` to `/` with `params` in the URL, as the target's user unless `headers` say otherwise. */
export async function ask(
  target: ClickHouseTarget,
  body: BodyInit,
  params: Record<string, string> = {},
  headers?: Record<string, string>,
): Promise<Answer> {
  const url = new URL(`?${new URLSearchParams(params)}`, target.url);
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: headers ?? {
      "X-ClickHouse-User": target.username,
      "X-ClickHouse-Key": target.password,
    },
    duplex: "half",
  } as RequestInit);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Polls until `probe` gives something other than undefined. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  withinMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`expected within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20)); // between two looks; the wait ends with the event
  }
}
