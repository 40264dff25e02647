/** For tests: a mail server that takes everything, or says `answer` to every sender. */
import { createServer, type AddressInfo, type Socket } from "node:net";

interface ReceivedMail {
  login: string;
  to: string[];
  /** Headers and text as they came, without the dot at its end. */
  text: string;
}

export interface MailServer {
  port: number;
  mails: ReceivedMail[];
  answer: string;
  stop(): Promise<void>;
}

export async function startMailServer(onMail: () => void): Promise<MailServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write("220 test\r\n");
    const mail: ReceivedMail = { login: "", to: [], text: "" };
    let buffer = "";
    let isText = false;
    socket.on("data", (chunk: Buffer) => {
      buffer += chunk.toString();
      for (let end = buffer.indexOf("\r\n"); end >= 0; end = buffer.indexOf("\r\n")) {
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        if (isText && line === ".") {
          isText = false;
          made.mails.push({ ...mail, to: [...mail.to], text: decoded(mail.text) });
          socket.write("250 taken\r\n");
          onMail();
        } else if (isText) mail.text += `${line}\n`;
        else socket.write(`${answerTo(line)}\r\n`);
      }
    });

    function answerTo(line: string): string {
      const [verb, rest] = [line.slice(0, 4).toUpperCase(), line.slice(5)] as const;
      if (verb === "EHLO") return "250-test\r\n250 AUTH PLAIN";
      if (verb === "AUTH") mail.login = rest.split(" ")[1] ?? "";
      if (verb === "MAIL") return made.answer;
      if (verb === "RCPT") mail.to.push(/<(.+)>/.exec(rest)?.[1] ?? "");
      if (verb === "DATA") {
        isText = true;
        return "354 go on";
      }
      return verb === "AUTH" ? "235 welcome" : verb === "QUIT" ? "221 bye" : "250 ok";
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const made: MailServer = {
    port: (server.address() as AddressInfo).port,
    mails: [],
    answer: "250 ok",
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return made;
}

/** Of quoted-printable. */
function decoded(text: string): string {
  return text
    .replaceAll("=\n", "")
    .replaceAll(/=([0-9A-F]{2})/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}
