/** Incidents by e-mail: one thread for each, plain text. */
import { createTransport } from "nodemailer";
import type { Message } from "./incident.ts";
import { wordsOf } from "./message.ts";

const TIMEOUT_MS = 10_000;
/** Of a subject line; the whole is in the text. */
const LONGEST_SUBJECT = 200;

export interface Mail {
  from: string;
  to: readonly string[];
  subject: string;
  text: string;
  /** All mails of an incident name it, so that they are shown together. */
  references: string;
}

export function mailOf(
  { from, to }: { from: string; to: readonly string[] },
  message: Message,
  page: string,
): Mail {
  const { title, lines, link } = wordsOf(message, page);
  return {
    from,
    to,
    subject: oneLine(title).slice(0, LONGEST_SUBJECT),
    text: `${[title, "", ...lines, "", link].join("\n")}\n`,
    references: `<${message.incident.id}@assay>`,
  };
}

/** Names come from services: none of them ends a header. */
function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, " ");
}

/** Undefined when the server took it, else why not; `refused` is for good. Says nothing of the server's password. */
export async function sendMail(smtp: string, mail: Mail): Promise<string | undefined> {
  const { hostname, port, protocol, username, password } = new URL(smtp);
  const secure = protocol === "smtps:";
  const transport = createTransport({
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? (secure ? 465 : 25) : Number(port),
    secure,
    ...(username !== "" && {
      auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) },
      // A password is not sent in the clear but to this machine.
      requireTLS: !secure && !isLoopback(hostname),
    }),
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    await transport.sendMail({
      ...mail,
      to: [...mail.to],
      headers: { "auto-submitted": "auto-generated" },
    });
    return undefined;
  } catch (error) {
    const { responseCode, code = "failed" } = error as { responseCode?: number; code?: string };
    // A wrong password is mended while messages wait; a mail that is not wanted is not.
    const isFinal = responseCode !== undefined && responseCode >= 500 && code !== "EAUTH";
    return `${isFinal ? "refused with" : "answered"} ${responseCode ?? code}`;
  } finally {
    transport.close();
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
