/** A place in some bytes: text that was never made a string. */
export interface TextSpot {
  bytes: Uint8Array;
  view: DataView;
  at: number;
  end: number;
}

const NONE: Uint8Array = new Uint8Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function spotOf(bytes: Uint8Array): TextSpot {
  return { bytes, view: viewOf(bytes), at: 0, end: bytes.length };
}

export function textSpot(text: string): TextSpot {
  return spotOf(Uint8Array.from(Buffer.from(text)));
}

export function emptySpot(): TextSpot {
  return { bytes: NONE, view: NO_VIEW, at: 0, end: 0 };
}

export function copySpot(from: TextSpot, to: TextSpot): void {
  to.bytes = from.bytes;
  to.view = from.view;
  to.at = from.at;
  to.end = from.end;
}
