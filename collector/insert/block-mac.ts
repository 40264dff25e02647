/** Whether a block file holds what its plan was made for: a MAC (mac.ts) of its bytes stands in the plan. */
import { createMac } from "../mac.ts";
import { readPieces } from "./durable-file.ts";
import type { Plan } from "./plan.ts";

const begin = createMac("block");

export function macOf(chunks: readonly Uint8Array[]): string {
  const mac = begin();
  for (const chunk of chunks) mac.add(chunk);
  return mac.value().toString("hex");
}

export async function isWhole(plan: Plan, spoolDir: string): Promise<boolean> {
  if (plan.block === "") return true;
  const mac = begin();
  const isRead = await readPieces(`${spoolDir}/${plan.block}`, plan.byteLength, mac.add);
  return isRead && mac.value().toString("hex") === plan.mac;
}
