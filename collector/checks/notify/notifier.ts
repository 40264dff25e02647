/**
 * Tells people of incidents: one message when one begins, again while it lasts, one when it is over.
 *
 * What is to be told is written to a file before it is sent and taken out when the receiver took it, so that a restart
 * neither loses nor repeats it; a crash between the two may repeat it, under the id by which PagerDuty and Opsgenie know it.
 * A receiver that is away is asked again for a day; one that says no is not. Both are counted.
 *
 * With a journal, incidents stand in ClickHouse too: there they can be acknowledged, and of several collectors the one whose
 * turn it is (`isActive`) goes on with those of the one before. The others only send what they had decided to.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "../../stages.ts";
import { deliveryOf, type HttpDelivery } from "./channel.ts";
import { type Channel, type NotifyConfig, isMuted } from "./config.ts";
import {
  type Incident,
  type Occasion,
  type Result,
  occasionOf,
  severityOf,
  takeResults,
} from "./incident.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { sendMail } from "./mail.ts";
import { type State, type Waiting, readState, writeState } from "./state-file.ts";

const SEND_TIMEOUT_MS = 10_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
const GIVE_UP_MS = 86_400_000;
const MOST_WAITING = 1_000;
const MOST_UNRECORDED = 1_000;
const LOOK_FOR_ACKNOWLEDGEMENTS_MS = 10_000;
const HEARTBEAT_MS = 60_000;
/** Ticks that late mean that the checks are not evaluated. */
const LATE_SECONDS = 600;
const TELLING = new Set(["firing", "warn", "ok"]);

export interface NotifierOptions {
  config: NotifyConfig;
  /** Where incidents and messages are kept. */
  file: string;
  log: Logger;
  /** @default Date.now */
  now?: () => number;
  /** How often it is looked what has to be told. @default 1000 */
  lookMs?: number;
  /** @default fetch */
  send?: typeof fetch;
  /** @default none: nobody can acknowledge, and no other collector goes on */
  journal?: Journal;
  /** Whether it is this collector that tells. @default always */
  isActive?: () => boolean;
}

export interface NotifierStats {
  openIncidents: number;
  waiting: number;
  /** By channel. */
  sent: ReadonlyMap<string, number>;
  failedAttempts: ReadonlyMap<string, number>;
  /** Messages that nobody got: refused, given up after a day, or too many. */
  dropped: ReadonlyMap<string, number>;
}

export class Notifier {
  readonly #options: Required<Omit<NotifierOptions, "journal">> & Pick<NotifierOptions, "journal">;
  readonly #incidents = new Map<string, Incident>();
  readonly #waiting: Waiting[] = [];
  readonly #taken: { rows: readonly Result[]; atUnixMs: number }[] = [];
  readonly #sent = new Map<string, number>();
  readonly #failed = new Map<string, number>();
  readonly #dropped = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void>;
  #stopped = false;
  #beatenAt = -Infinity;
  /** What the journal does not have yet. */
  readonly #unrecorded: JournalEntry[] = [];
  /** The incidents are those of whoever told before. */
  #isCaughtUp = false;
  #askedAt = -Infinity;

  constructor(options: NotifierOptions) {
    this.#options = {
      now: Date.now,
      lookMs: 1_000,
      send: fetch,
      isActive: () => true,
      ...options,
    };
    this.#running = this.#load().then(() => this.#next());
  }

  /** Results of checks, in the order in which they were found; all newest ones after a start. */
  take(rows: readonly Result[]): void {
    // Only these can begin or end an alert: the rest is most of them.
    const telling = rows.filter(({ state }) => TELLING.has(state));
    if (telling.length > 0) this.#taken.push({ rows: telling, atUnixMs: this.#options.now() });
  }

  /** Tells the dead-man's switch that checks are evaluated. */
  beat(lagSeconds: number): void {
    const { now, send, config } = this.#options;
    if (!config.heartbeat || lagSeconds > LATE_SECONDS || now() - this.#beatenAt < HEARTBEAT_MS)
      return;
    this.#beatenAt = now();
    send(config.heartbeat, { signal: AbortSignal.timeout(SEND_TIMEOUT_MS) }).then(
      (response) => response.body?.cancel(),
      // The switch pages when it hears nothing: there is nobody else to tell.
      () => this.#count(this.#failed, "heartbeat"),
    );
  }

  stats(): NotifierStats {
    return {
      openIncidents: this.#incidents.size,
      waiting: this.#waiting.length,
      sent: this.#sent,
      failedAttempts: this.#failed,
      dropped: this.#dropped,
    };
  }

  /** What is not sent yet is sent after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #load(): Promise<void> {
    const { file, log } = this.#options;
    try {
      const state = await readState(file);
      for (const one of state.incidents)
        this.#incidents.set(JSON.stringify([one.project, one.subject]), one);
      this.#waiting.push(...state.waiting);
    } catch (error) {
      log(
        "error",
        `notify: ${file} cannot be read, open incidents will be told anew: ${String(error)}`,
      );
    }
  }

  #next(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#round().then(() => this.#next());
    }, this.#options.lookMs);
  }

  async #round(): Promise<void> {
    try {
      if (await this.#isReady()) {
        const acknowledged = await this.#takeAcknowledgements();
        if (this.#decide() || acknowledged) await this.#save();
      }
      for (const one of this.#due()) await this.#deliver(one);
      await this.#record();
    } catch (error) {
      this.#options.log(
        "error",
        `notify: ${error instanceof Error ? error.message : String(error)}; trying again`,
      );
    }
  }

  /** Whether this collector tells, and knows of the incidents that are open. */
  async #isReady(): Promise<boolean> {
    if (!this.#options.isActive()) {
      this.#isCaughtUp = false;
      return false;
    }
    if (!this.#isCaughtUp && this.#options.journal) await this.#catchUp(this.#options.journal);
    this.#isCaughtUp = true;
    return true;
  }

  /** Goes on with the incidents of whoever told before; this collector may have been that itself. */
  async #catchUp(journal: Journal): Promise<void> {
    const newest = await journal.newest();
    const ids = new Set(newest.map(({ incident }) => incident.id));
    for (const [key, { id }] of this.#incidents)
      if (ids.has(id)) this.#forgetUnlessNewer(key, id, newest);
    for (const { occasion, incident } of newest) {
      const key = JSON.stringify([incident.project, incident.subject]);
      if (occasion !== "resolved" && !this.#incidents.has(key)) this.#incidents.set(key, incident);
    }
  }

  /** What this collector told and has not recorded yet is newer than the journal. */
  #forgetUnlessNewer(key: string, id: string, newest: readonly { incident: Incident }[]): void {
    const told = this.#incidents.get(key)?.told?.atUnixMs ?? 0;
    const recorded =
      newest.find(({ incident }) => incident.id === id)?.incident.told?.atUnixMs ?? 0;
    if (told <= recorded) this.#incidents.delete(key);
  }

  /** Whether there were any. */
  async #takeAcknowledgements(): Promise<boolean> {
    const { journal, now, log } = this.#options;
    const open = [...this.#incidents.values()].filter(
      ({ told, acknowledged }) => told && !acknowledged,
    );
    if (!journal || open.length === 0 || now() - this.#askedAt < LOOK_FOR_ACKNOWLEDGEMENTS_MS)
      return false;
    this.#askedAt = now();
    try {
      const found = await journal.acknowledged(open.map(({ id }) => id));
      const news = open.filter(({ id, told }) => (found.get(id)?.atUnixMs ?? 0) >= told!.atUnixMs);
      for (const incident of news) {
        incident.acknowledged = found.get(incident.id)!;
        this.#queue("acknowledged", incident);
      }
      return news.length > 0;
    } catch (error) {
      log("warn", `notify: cannot read who acknowledged, trying again: ${String(error)}`);
      return false;
    }
  }

  /** The journal is for people who look; nobody is told later because it cannot be written. */
  async #record(): Promise<void> {
    const { journal, log } = this.#options;
    if (!journal || this.#unrecorded.length === 0) return;
    const entries = [...this.#unrecorded];
    try {
      await journal.record(entries);
      this.#unrecorded.splice(0, entries.length);
    } catch (error) {
      log("warn", `notify: cannot record incidents, trying again: ${String(error)}`);
    }
  }

  /** Whether anything changed that has to be kept. */
  #decide(): boolean {
    const { now, config } = this.#options;
    const taken = this.#taken.splice(0);
    for (const { rows, atUnixMs } of taken) {
      const { ended, dropped } = takeResults(this.#incidents, rows, atUnixMs);
      if (dropped > 0) this.#count(this.#dropped, "incidents", dropped);
      // One that was over before anybody was told needs no message.
      for (const incident of ended) if (incident.told) this.#queue("resolved", incident);
    }
    const pace = { waitMs: config.wait * 1_000, repeatMs: config.repeat * 1_000 };
    let told = false;
    for (const incident of this.#incidents.values()) {
      if (isMuted(config, incident.project, now())) continue;
      const occasion = occasionOf(incident, now(), pace);
      if (!occasion) continue;
      incident.told = { atUnixMs: now(), severity: severityOf(incident) };
      // It got worse than what was acknowledged.
      if (occasion === "open") delete incident.acknowledged;
      this.#queue(occasion, incident);
      told = true;
    }
    return told || taken.length > 0;
  }

  #queue(occasion: Occasion, incident: Incident): void {
    const worst =
      occasion === "resolved" ? (incident.told?.severity ?? "ticket") : severityOf(incident);
    const atUnixMs = this.#options.now();
    if (this.#options.journal && this.#unrecorded.length < MOST_UNRECORDED)
      this.#unrecorded.push({ atUnixMs, occasion, incident: structuredClone(incident) });
    for (const { name, severities, projects } of this.#options.config.channels) {
      if (!severities.includes(worst) || (projects && !projects.includes(incident.project)))
        continue;
      if (this.#waiting.length >= MOST_WAITING) {
        this.#count(this.#dropped, name);
        continue;
      }
      const now = this.#options.now();
      this.#waiting.push({
        id: randomUUID(),
        channel: name,
        occasion,
        incident: structuredClone(incident),
        queuedUnixMs: now,
        attempts: 0,
        nextUnixMs: now,
      });
    }
  }

  /** The first of each channel, so that none overtakes another. */
  #due(): Waiting[] {
    const first = new Map<string, Waiting>();
    for (const one of this.#waiting) if (!first.has(one.channel)) first.set(one.channel, one);
    return [...first.values()].filter(({ nextUnixMs }) => nextUnixMs <= this.#options.now());
  }

  async #deliver(one: Waiting): Promise<void> {
    const { config, now, log } = this.#options;
    const channel = config.channels.find(({ name }) => name === one.channel);
    const outcome = channel
      ? await this.#send(channel, one)
      : "refused: it is not in the file any more";
    if (outcome === undefined) this.#count(this.#sent, one.channel);
    else {
      one.attempts++;
      this.#count(this.#failed, one.channel);
      const lost = outcome.startsWith("refused") || now() - one.queuedUnixMs > GIVE_UP_MS;
      log(
        lost ? "error" : "warn",
        `notify: ${one.channel} did not take "${one.occasion}" of ${one.incident.project}: ${outcome}`,
      );
      if (!lost) {
        one.nextUnixMs =
          now() + Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (one.attempts - 1));
        return;
      }
      this.#count(this.#dropped, one.channel);
    }
    this.#waiting.splice(this.#waiting.indexOf(one), 1);
    await this.#save();
  }

  /** Undefined when it was taken, else why not; `refused` is for good. Says nothing of addresses and keys. */
  async #send(channel: Channel, { occasion, incident }: Waiting): Promise<string | undefined> {
    const { send, config, now } = this.#options;
    const made = deliveryOf(
      channel,
      { occasion, incident },
      { page: config.page, nowUnixMs: now() },
    );
    if (!made) return undefined;
    try {
      return "smtp" in made ? await sendMail(made.smtp, made.mail) : await post(send, made);
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      return (cause as { code?: string }).code ?? (cause as Error).name;
    }
  }

  async #save(): Promise<void> {
    const state: State = { incidents: [...this.#incidents.values()], waiting: this.#waiting };
    await writeState(this.#options.file, state);
  }

  #count(counts: Map<string, number>, name: string, by = 1): void {
    counts.set(name, (counts.get(name) ?? 0) + by);
  }
}

async function post(
  send: typeof fetch,
  { url, headers, body }: HttpDelivery,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(SEND_TIMEOUT_MS);
  const response = await send(url, { method: "POST", headers, body, signal, redirect: "error" });
  await response.body?.cancel();
  if (response.ok) return undefined;
  const later = response.status >= 500 || response.status === 429 || response.status === 408;
  return `${later ? "answered" : "refused with"} ${response.status}`;
}
