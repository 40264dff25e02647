/** Starting and stopping a process of the example. */
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Listens on 127.0.0.1 and says so in one line. SIGTERM or Ctrl-C lets running requests end, then calls `stopped`.
 * @param port 0 for any free one
 */
export function listen(
  name: string,
  app: RequestListener,
  { port, stopped }: { port: number; stopped?: () => Promise<void> },
): Server {
  const server = createServer(app).listen(port, "127.0.0.1", () => {
    const { port: actual } = server.address() as AddressInfo;
    console.log(`${name}: listening on http://127.0.0.1:${actual}`);
  });
  const stop = () => {
    server.close(() => void stopped?.());
    server.closeIdleConnections();
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  return server;
}

export function portOf(fallback: number): number {
  const text = process.env["PORT"] ?? String(fallback);
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port;
  throw new Error(`PORT: expected a whole number from 0 to 65535, got "${text}"`);
}
