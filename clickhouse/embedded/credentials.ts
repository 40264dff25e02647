/** The two users: `writer`, whose password is a file that only this account can read, and `reader`, who has none. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import fs from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { queryError } from "./errors.ts";
import type { Role } from "./denied.ts";

/** Reads the writer's password; makes it once, complete before its name exists. */
export async function writerPassword(file: string): Promise<string> {
  try {
    return (await fs.readFile(file, "utf8")).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const password = randomBytes(24).toString("base64url");
  const draft = `${file}.${process.pid}`;
  const handle = await fs.open(draft, "wx", 0o600);
  try {
    await handle.writeFile(`${password}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await fs.rename(draft, file);
  return password;
}

interface Credentials {
  user: string;
  password: string;
}

/** Headers first, then basic authentication, then the URL, as the server has it. */
function credentialsOf(request: IncomingMessage, url: URL): Credentials {
  const { "x-clickhouse-user": user, "x-clickhouse-key": key, authorization } = request.headers;
  if (user !== undefined || key !== undefined)
    return { user: String(user ?? ""), password: String(key ?? "") };
  if (authorization !== undefined) {
    const basic = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(authorization);
    if (!basic) throw queryError(516, 'Authentication failed: expected the scheme "Basic"');
    const text = Buffer.from(basic[1]!, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return colon === -1
      ? { user: text, password: "" }
      : { user: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  return {
    user: url.searchParams.get("user") ?? "default",
    password: url.searchParams.get("password") ?? "",
  };
}

/** @throws QueryError AUTHENTICATION_FAILED */
export function authenticate(request: IncomingMessage, url: URL, password: string): Role {
  const given = credentialsOf(request, url);
  if (given.user === "reader" && given.password === "") return "reader";
  if (given.user === "writer" && sameSecret(given.password, password)) return "writer";
  throw queryError(
    516,
    `${given.user}: Authentication failed: password is incorrect, or there is no user with such name`,
  );
}

function sameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
