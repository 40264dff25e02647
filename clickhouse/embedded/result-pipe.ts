/**
 * Results leave the engine through a named pipe: the engine writes `INTO OUTFILE` into it, in any output format,
 * and blocks while the client is slow. So memory stays bounded and no result is written to disk.
 *
 * We hold a writing end of our own from before the query until after it: the stream then ends exactly when the
 * query is over and everything was read, even when the engine never opened the pipe. The reading end must stay
 * open that long too, since the engine would wait forever to open a pipe that nobody reads.
 */
import { execFile } from "node:child_process";
import { constants, open } from "node:fs";
import fs from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { promisify } from "node:util";

const openFile = promisify(open);

interface ResultPipe {
  path: string;
  /** Opens the reading end; `finish` lets it end once what was written is read. */
  open(): Promise<{ stream: net.Socket; finish(): Promise<void> }>;
}

export interface ResultPipes {
  take(): ResultPipe;
  give(pipe: ResultPipe): void;
}

/** Makes `count` pipes in `dir`, one for each query that may run at once. */
export async function createResultPipes(dir: string, count: number): Promise<ResultPipes> {
  await fs.rm(dir, { recursive: true, force: true });
  await fs.mkdir(dir, { recursive: true, mode: 0o700 });
  const paths = Array.from({ length: count }, (_, i) => path.join(dir, `result-${i}`));
  await promisify(execFile)("mkfifo", ["-m", "600", ...paths]); // Node has no mkfifo of its own
  const free = paths.map(pipeAt);
  return {
    take() {
      const pipe = free.pop();
      if (!pipe) throw new Error(`expected a free result pipe, got none of ${count}`);
      return pipe;
    },
    give: (pipe) => void free.push(pipe),
  };
}

function pipeAt(pipePath: string): ResultPipe {
  return {
    path: pipePath,
    async open() {
      // Plain numbers, not FileHandles: the socket owns and closes the reading end.
      const reading = await openFile(pipePath, constants.O_RDONLY | constants.O_NONBLOCK);
      const holder = await fs.open(pipePath, constants.O_WRONLY | constants.O_NONBLOCK);
      const stream = new net.Socket({ fd: reading, readable: true, writable: false });
      stream.pause();
      return { stream, finish: () => holder.close() };
    },
  };
}
