/** Inflates a body by its encoding, under the limits of all bodies. */
import type { BodyLimits } from "./body.ts";
import { createInflate } from "./inflate.ts";
import type { Encoding } from "./media.ts";
import { createZstdInflate } from "./zstd.ts";

export type Decompress = (
  encoding: Exclude<Encoding, "identity">,
  sent: Buffer,
  limits: BodyLimits,
) => Promise<Buffer>;

export function createDecompress(): Decompress {
  const gunzip = createInflate();
  const unzstd = createZstdInflate();
  return (encoding, sent, limits) =>
    encoding === "gzip" ? gunzip(sent, limits) : unzstd(sent, limits);
}
