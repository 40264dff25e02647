/**
 * The first question of clickhouse-go (Grafana's data source) over HTTP, answered by hand.
 *
 * It announces a protocol revision and reads the first block as of that revision, while this engine writes Native
 * blocks of revision 0. What it decodes afterwards follows the revision that the server reports here: 0.
 */
const question =
  /^SELECT\s+displayName\(\),\s*version\(\),\s*revision\(\),\s*timezone\(\)\s*;?\s*$/i;

/** From this revision on a block starts with its info, and a column with a byte for its serialization. */
const customSerialization = 54454;

export function isHello(text: string, format: string): boolean {
  return format === "Native" && question.test(text.trim());
}

export function helloBlock(
  revision: number,
  answers: { name: string; version: string; timezone: string },
): Buffer {
  const info = revision > 0 ? [Buffer.from([1, 0, 2, 255, 255, 255, 255, 0])] : [];
  const kind = revision >= customSerialization ? [Buffer.from([0])] : [];
  const column = (name: string, type: string, value: Buffer): Buffer[] => [
    text(name),
    text(type),
    ...kind,
    value,
  ];
  return Buffer.concat([
    ...info,
    Buffer.from([4, 1]), // columns, rows
    ...column("displayName()", "String", text(answers.name)),
    ...column("version()", "String", text(answers.version)),
    ...column("revision()", "UInt32", Buffer.alloc(4)),
    ...column("timezone()", "String", text(answers.timezone)),
  ]);
}

/** All texts here are shorter than 128 bytes, so their length is one byte. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);
}
