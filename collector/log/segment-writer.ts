/**
 * Appends groups of records to the newest segment: one `writev` straight from the requests' buffers, one `fdatasync`
 * for the whole group. A group is all on disk, or (out of space) not there at all: the file is cut back to where it was.
 *
 * A segment is made when the first record needs it, and its name is synced before that record counts.
 */
import type { AcceptedRequest } from "../stages.ts";
import { isShortage, writeFully, type LogFile, type LogFs } from "./log-fs.ts";
import { recordHeader } from "./record.ts";
import { segmentHeader, segmentName, type Segment } from "./segment.ts";

export interface Framed {
  request: AcceptedRequest;
  /** Of the body, by `bodySum`. */
  sum: number;
}

/** Nothing was kept and nothing is in doubt: there was no room. */
export class ShortageError extends Error {
  override readonly name = "ShortageError";
}

export interface SegmentWriterOptions {
  fs: LogFs;
  dir: string;
  logId: string;
  segmentBytes: number;
  validatorVersion: number;
  /** Called with the duration of each fdatasync. */
  onSync: (ms: number) => void;
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #file: LogFile | undefined;
  #segment: Segment | undefined;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
  }

  /** The segment being written, whose `bytes` and `lastSeq` change. */
  get segment(): Segment | undefined {
    return this.#segment;
  }

  /**
   * Resolves when all of it is durable.
   * @throws ShortageError when nothing of it is; any other error leaves it in doubt, and the log must stop
   */
  async append(group: readonly Framed[], firstSeq: number): Promise<Segment> {
    const { segment, file } = await this.#room(firstSeq);
    const isNew = segment.bytes === 0;
    const chunks = this.#chunks(group, firstSeq, isNew);
    await this.#write(file, segment, chunks);
    await this.#sync(file);
    if (isNew) await this.#options.fs.syncDirectory(this.#options.dir);
    segment.bytes += chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
    segment.lastSeq = firstSeq + group.length - 1;
    return segment;
  }

  /** Ends the segment; the next record begins a new one. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#segment = undefined;
    await file?.close();
  }

  async #room(firstSeq: number): Promise<{ segment: Segment; file: LogFile }> {
    const full = this.#segment && this.#segment.bytes >= this.#options.segmentBytes;
    if (full) await this.close();
    if (this.#segment && this.#file) return { segment: this.#segment, file: this.#file };
    const { dir, logId } = this.#options;
    const path = `${dir}/${segmentName(firstSeq)}`;
    this.#file = await this.#create(path);
    this.#segment = {
      path,
      logId,
      firstSeq,
      lastSeq: firstSeq - 1,
      bytes: 0,
      spans: 0,
      writtenAtMs: 0,
    };
    return { segment: this.#segment, file: this.#file };
  }

  async #create(path: string): Promise<LogFile> {
    try {
      return await this.#options.fs.open(path, "create");
    } catch (error) {
      if (isShortage(error)) throw new ShortageError(`no room for a new segment`, { cause: error });
      throw error;
    }
  }

  #chunks(group: readonly Framed[], firstSeq: number, isNew: boolean): Uint8Array[] {
    const { logId, validatorVersion } = this.#options;
    const chunks: Uint8Array[] = isNew ? [segmentHeader(logId, firstSeq)] : [];
    for (const [i, { request, sum }] of group.entries()) {
      chunks.push(recordHeader(request, firstSeq + i, validatorVersion, sum), request.body);
    }
    return chunks;
  }

  async #write(file: LogFile, segment: Segment, chunks: readonly Uint8Array[]): Promise<void> {
    try {
      await writeFully(file, chunks, segment.bytes);
    } catch (error) {
      if (!isShortage(error)) throw error;
      await file.truncate(segment.bytes);
      throw new ShortageError("no room on the log's disk", { cause: error });
    }
  }

  async #sync(file: LogFile): Promise<void> {
    const start = performance.now();
    await file.datasync();
    this.#options.onSync(performance.now() - start);
  }
}
