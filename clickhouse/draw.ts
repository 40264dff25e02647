/**
 * The number from 0 to 1 (excluded) that belongs to a record: the first 53 bits of a hash of the trace's id, in SQL. Judges
 * and people's labels are drawn by it; another purpose has another, independent one.
 *
 * @param purpose words and hyphens, as in collector/judge/sampling.ts
 * @param id an expression: the trace's id in hex
 */
export function positionSql(purpose: string, id = "lower(hex(trace_id))"): string {
  return `toFloat64(bitShiftRight(reinterpretAsUInt64(reverse(substring(SHA256(concat('${purpose}:v1', char(0), ${id})), 1, 8))), 11)) / 9007199254740992`;
}
