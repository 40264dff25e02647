/** A TCP proxy that can be made to misbehave, between the collector and ClickHouse. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * - `reset`: connections end with RST, at once and from then on;
 * - `blackhole`: connections are accepted, nothing ever comes back;
 * - `slow`: each piece of an answer comes 500 ms late;
 * - `deaf`: requests arrive, but the connection is reset instead of the answer.
 */
type Toxic = "none" | "reset" | "blackhole" | "slow" | "deaf";

export interface ToxicProxy {
  url: string;
  set(toxic: Toxic): void;
  /** Answers that were cut off by `deaf`. */
  lostAnswers(): number;
  close(): Promise<void>;
}

const SLOW_MS = 500;

export async function startToxicProxy(upstream: URL): Promise<ToxicProxy> {
  let toxic: Toxic = "none";
  let lostAnswers = 0;
  const sockets = new Set<Socket>();
  const held = new Set<Socket>();

  const server = createServer((client) => {
    track(client);
    if (toxic === "reset") return client.resetAndDestroy();
    const onward = connect(Number(upstream.port), upstream.hostname);
    track(onward);
    client.on("data", (chunk) => {
      if (toxic === "blackhole") return void held.add(client);
      onward.write(chunk);
    });
    onward.on("data", (chunk) => {
      if (toxic === "blackhole") return void held.add(client);
      if (toxic === "slow") return void setTimeout(() => client.write(chunk), SLOW_MS);
      if (toxic === "deaf") {
        lostAnswers++;
        client.resetAndDestroy();
        return;
      }
      client.write(chunk);
    });
    client.on("close", () => onward.destroy());
    onward.on("close", () => setTimeout(() => client.destroy(), toxic === "slow" ? SLOW_MS : 0));
  });

  function track(socket: Socket): void {
    sockets.add(socket);
    socket.on("error", () => {}); // resets are the point
    socket.on("close", () => sockets.delete(socket));
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    set(next) {
      toxic = next;
      if (next === "reset") for (const socket of sockets) socket.resetAndDestroy();
      // What went into the hole is gone: such a connection cannot go on.
      if (next === "none") for (const socket of held) socket.resetAndDestroy();
      held.clear();
    },
    lostAnswers: () => lostAnswers,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
