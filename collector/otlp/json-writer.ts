/**
 * Protobuf output of the transcoder: one buffer, grown by doubling. Lengths are written after the content: `open`
 * leaves one byte, `close` fills it in and moves the content up when the length needs more.
 */

/** Length of the padded varint that `openWide` leaves room for. */
const WIDE = 5;

export class ProtobufWriter {
  bytes: Buffer;
  length = 0;

  /** @param capacity OTLP protobuf is smaller than the same in JSON, so the size of the JSON is never outgrown. */
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(Math.max(capacity, 64));
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  varint(value: number): void {
    this.reserve(5);
    while (value > 0x7f) {
      this.bytes[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    this.bytes[this.length++] = value;
  }

  varint64(hi: number, lo: number): void {
    this.reserve(10);
    while (hi !== 0 || lo > 0x7f) {
      this.bytes[this.length++] = (lo & 0x7f) | 0x80;
      lo = ((hi << 25) | (lo >>> 7)) >>> 0;
      hi >>>= 7;
    }
    this.bytes[this.length++] = lo;
  }

  fixed32(value: number): void {
    this.reserve(4);
    this.length = this.bytes.writeUInt32LE(value, this.length);
  }

  double(value: number): void {
    this.reserve(8);
    this.length = this.bytes.writeDoubleLE(value, this.length);
  }

  /** A length and `source[start, end)`. */
  delimited(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.varint(count);
    this.reserve(count);
    if (count > 24) this.bytes.set(source.subarray(start, end), this.length);
    else for (let i = 0; i < count; i++) this.bytes[this.length + i] = source[start + i]!;
    this.length += count;
  }

  /** Starts a length-delimited value; give the result to `close`. */
  open(): number {
    this.reserve(1);
    return ++this.length;
  }

  close(start: number): void {
    const count = this.length - start;
    if (count < 0x80) {
      this.bytes[start - 1] = count;
      return;
    }
    const shift = count < 0x4000 ? 1 : count < 0x200000 ? 2 : count < 0x10000000 ? 3 : 4;
    this.reserve(shift);
    this.bytes.copyWithin(start + shift, start, this.length);
    this.length = start - 1;
    this.varint(count);
    this.length += count;
  }

  /**
   * Like `open`, with room for any length: legal, though not the shortest. For deeply nested values, where moving the
   * content once per level would cost a hostile body's size times its depth.
   */
  openWide(): number {
    this.reserve(WIDE);
    this.length += WIDE;
    return this.length;
  }

  closeWide(start: number): void {
    let count = this.length - start;
    for (let i = start - WIDE; i < start - 1; i++) {
      this.bytes[i] = (count & 0x7f) | 0x80;
      count >>>= 7;
    }
    this.bytes[start - 1] = count;
  }

  finish(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}
