/** What a stored call costs at the prices of now: the same decision as for a call that arrives. */
import type { Price, PriceBook, Usage } from "@assay/instrumentation/pricing";
import { type CostStatus, costStatusOf, isUsableReport } from "../encode/cost-status.ts";

/** A model call of `spans`; amounts in 1e-12 USD. */
export interface StoredCall {
  traceId: string;
  spanId: string;
  project: string;
  region: string;
  provider: string;
  requestModel: string;
  responseModel: string;
  serviceTier: string;
  failed: boolean;
  usageSource: string;
  /** Unix milliseconds: what prices go by. */
  atMs: number;
  usage: Usage;
  cost: bigint | undefined;
  costStatus: string;
  priceId: string;
  reported: bigint | undefined;
  reportedSource: string;
}

export interface Repriced {
  cost: bigint | undefined;
  status: CostStatus;
  priceId: string;
}

export function repriced(book: PriceBook, call: StoredCall): Repriced {
  const usageKnown = call.usageSource !== "";
  const price = usageKnown ? priceOf(book, call) : undefined;
  const { reported } = call;
  const status = costStatusOf({
    price,
    usageKnown,
    estimated: call.usageSource === "estimated",
    failed: call.failed,
    reported: reported !== undefined && isUsableReport(reported, call.reportedSource),
  });
  const priceId = price?.id ?? "";
  if (status === "unpriced") return { cost: undefined, status, priceId };
  if (status === "reported") return { cost: reported, status, priceId };
  if (status === "free") return { cost: 0n, status, priceId };
  return { cost: book.cost(price!, call.usage), status, priceId };
}

function priceOf(book: PriceBook, call: StoredCall): Price | undefined {
  const { provider, project, region, serviceTier, atMs } = call;
  const of = (model: string): Price | undefined =>
    model === ""
      ? undefined
      : book.resolve(provider, model, atMs, { project, region, serviceTier });
  return of(call.responseModel) ?? of(call.requestModel);
}

/** A cost that was known is never replaced by one that is not: a price that the book has no more was right in its time. */
export function isChange(call: StoredCall, now: Repriced): boolean {
  if (now.cost === undefined) return false;
  return now.cost !== call.cost || now.status !== call.costStatus || now.priceId !== call.priceId;
}
