// What a formula's arguments may be. Every function of this folder checks its
// inputs here and throws a RangeError that names the argument, what was
// expected and what came: a wrong interval on a chart is worse than none.

function refuse(name: string, expected: string, value: unknown): never {
  throw new RangeError(`${name}: expected ${expected}, got "${String(value)}"`);
}

export function requireFinite(name: string, value: number): void {
  if (!Number.isFinite(value)) refuse(name, "a finite number", value);
}

export function requireWithin(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) refuse(name, `a number from ${low} to ${high}`, value);
}

/** Strictly between the two. */
export function requireBetween(name: string, value: number, low: number, high: number): void {
  if (!(value > low && value < high))
    refuse(name, `a number between ${low} and ${high} (both excluded)`, value);
}

/** A whole number of at least `least`. */
export function requireCount(name: string, value: number, least = 0): void {
  if (!Number.isSafeInteger(value) || value < least)
    refuse(name, `a whole number of at least ${least}`, value);
}

export function requireSameLength(
  name: string,
  first: ArrayLike<unknown>,
  second: ArrayLike<unknown>,
): void {
  if (first.length !== second.length)
    refuse(name, `two lists of one length (the first has ${first.length})`, second.length);
}

export function requireLength(name: string, list: ArrayLike<unknown>, least: number): void {
  if (list.length < least) refuse(name, `at least ${least} elements`, list.length);
}

export function requireAllFinite(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) requireFinite(`${name}[${i}]`, values[i]!);
}

export function requireAllWithin(
  name: string,
  values: ArrayLike<number>,
  low: number,
  high: number,
): void {
  for (let i = 0; i < values.length; i++) requireWithin(`${name}[${i}]`, values[i]!, low, high);
}

/** An inclusion probability is never zero: what cannot be drawn cannot be weighed. */
export function requireProbabilities(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++)
    if (!(values[i]! > 0 && values[i]! <= 1))
      refuse(`${name}[${i}]`, "a probability above 0 and at most 1", values[i]);
}

/** A square table of counts, as confusionMatrix makes it, with at least one observation. */
export function requireSquareCounts(name: string, table: readonly (readonly number[])[]): void {
  requireLength(name, table, 1);
  let total = 0;
  table.forEach((row, i) => {
    if (row.length !== table.length)
      refuse(`${name}[${i}]`, `a row of ${table.length} counts`, row.length);
    row.forEach((count, j) => {
      if (!(count >= 0 && Number.isFinite(count)))
        refuse(`${name}[${i}][${j}]`, "a count of at least 0", count);
      total += count;
    });
  });
  if (total === 0) refuse(name, "at least one observation", 0);
}
