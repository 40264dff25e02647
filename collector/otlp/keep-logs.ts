/**
 * A logs request without the records that are not kept: an application's log lines do not fill ours, and are written
 * nowhere. What stays is copied byte for byte.
 */
import { Patch } from "./patch.ts";
import { WireReader } from "./wire.ts";

const reader = new WireReader();
const patch = new Patch();

/** `rejected`: ascending indexes of the records to leave out. The body has been validated. */
export function withoutLogs(body: Uint8Array, rejected: readonly number[]): Uint8Array {
  if (rejected.length === 0) return body;
  reader.reset(body);
  patch.reset();
  let index = 0;
  let next = 0;
  /** resource_logs = 1, scope_logs = 2, log_records = 2. */
  const walk = (end: number, path: readonly number[]): void => {
    while (reader.at < end) {
      const tagAt = reader.at;
      const tag = reader.tag(end);
      if (tag !== path[0]) {
        reader.skip(tag, end);
        continue;
      }
      const lengthAt = reader.at;
      const stop = reader.delimited(end);
      if (path.length === 1) {
        if (rejected[next] === index++) {
          next++;
          patch.remove(tagAt, stop);
        }
        reader.at = stop;
        continue;
      }
      const mark = patch.open(lengthAt, reader.at);
      walk(stop, path.slice(1));
      patch.close(mark, stop);
    }
  };
  walk(body.length, [0x0a, 0x12, 0x12]);
  return patch.apply(body);
}
