/**
 * A configuration that is taken up while running: its files are looked at now and then, and when one has changed all of
 * it is read and checked again. One with problems changes nothing: every problem is said, and what was there goes on.
 */
import { stat } from "node:fs/promises";
import type { Logger } from "./stages.ts";

const EVERY_MS = 2_000;

export interface ConfigWatchOptions<Config> {
  /** How the log names it. */
  name: string;
  /** The files, and folders whose list of files matters, of the configuration in use. */
  files: (config: Config) => readonly string[];
  /** @throws naming every problem */
  read: () => Config;
  onChange: (config: Config) => void;
  log: Logger;
  everyMs?: number;
}

export class ConfigWatch<Config> {
  readonly #options: ConfigWatchOptions<Config>;
  #config: Config;
  #seen = "";
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #looking: Promise<void> = Promise.resolve();
  /** Taken up, and refused for their problems. */
  readonly counts = { taken: 0, refused: 0 };

  /** @param config as it was read at start */
  constructor(config: Config, options: ConfigWatchOptions<Config>) {
    this.#config = config;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#seen = await this.#look();
    if (this.#stopped) return;
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.check());
    }, this.#options.everyMs ?? EVERY_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Looks now. */
  async check(): Promise<void> {
    const { name, read, onChange, log } = this.#options;
    const found = await this.#look();
    if (found === this.#seen) return;
    this.#seen = found;
    try {
      this.#config = read();
    } catch (error) {
      this.counts.refused++;
      const why = error instanceof Error ? error.message : String(error);
      log("error", `${name}: the changed configuration is not taken up: ${why}`);
      return;
    }
    this.#seen = await this.#look();
    this.counts.taken++;
    onChange(this.#config);
    log("info", `${name}: the changed configuration is taken up`);
  }

  /** What would be different, had one of them changed. */
  async #look(): Promise<string> {
    const stats = await Promise.all(
      this.#options.files(this.#config).map(async (file) => {
        const found = await stat(file, { bigint: true }).catch(() => undefined);
        return found ? `${found.mtimeNs}/${found.size}/${found.ino}` : "none";
      }),
    );
    return stats.join();
  }
}
