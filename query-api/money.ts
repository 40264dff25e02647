/** Exact sums of decimal strings with 12 places, as integers of 1e-12 USD. */
const PLACES = 12;

export function sumUsd(amounts: Iterable<string>): string {
  let sum = 0n;
  for (const amount of amounts) sum += picoUsd(amount);
  return formatPicoUsd(sum);
}

function picoUsd(amount: string): bigint {
  const [whole = "0", fraction = ""] = amount.replace("-", "").split(".");
  const value = BigInt(whole + fraction.padEnd(PLACES, "0"));
  return amount.startsWith("-") ? -value : value;
}

function formatPicoUsd(value: bigint): string {
  const digits = (value < 0n ? -value : value).toString().padStart(PLACES + 1, "0");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -PLACES)}.${digits.slice(-PLACES)}`;
}
