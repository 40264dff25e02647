/**
 * Claim by claim. `support`: the share of claims that the context supports; a claim called supported whose quote is not
 * in the context counts as unsupported. `match`: F1 of the claims that answer and reference share.
 */
import { z } from "zod";
import type { ClaimsQuestion, Metric } from "../metric.ts";
import { claimF1, faithfulness, isQuoted, type Claim } from "../text/claims.ts";
import type { AnswerForm, FormReading } from "./form.ts";

/** More are not read: an answer of that many claims is no answer. */
const MOST_CLAIMS = 200;

const SUPPORT = ["supported", "unsupported", "contradicted"] as const;
const MATCH = ["right", "wrong", "missing"] as const;

const supportAnswer = z.object({
  claims: z
    .array(z.object({ claim: z.string(), quote: z.string().nullish(), verdict: z.enum(SUPPORT) }))
    .max(MOST_CLAIMS),
});
const matchAnswer = z.object({
  claims: z.array(z.object({ claim: z.string(), verdict: z.enum(MATCH) })).max(MOST_CLAIMS),
});

export const claimsForm: AnswerForm = {
  decisive: "claims",
  rules: (metric) => ["Claims:", questionOf(metric).text],
  fields: (metric) => [
    questionOf(metric).kind === "support"
      ? '"claims": a list of objects, one for each claim, with "claim" (the claim in its own words), "quote" (the words of the context that decide, copied letter by letter; "" where there are none) and "verdict" ("supported", "unsupported" or "contradicted"); an empty list when there are no claims'
      : '"claims": a list of objects, one for each claim, with "claim" (the claim in its own words) and "verdict" ("right": in answer and reference; "wrong": in the answer only, or against the reference; "missing": in the reference only); an empty list when there are no claims',
  ],
  properties: (metric) => {
    const isSupport = questionOf(metric).kind === "support";
    const properties = {
      claim: { type: "string" },
      ...(isSupport ? { quote: { type: "string" } } : {}),
      verdict: { type: "string", enum: isSupport ? SUPPORT : MATCH },
    };
    const required = Object.keys(properties);
    return {
      claims: {
        type: "array",
        items: { type: "object", properties, required, additionalProperties: false },
      },
    };
  },
  read: (answer, metric, { context = [] }) =>
    questionOf(metric).kind === "support" ? support(answer, context) : match(answer),
};

function questionOf({ claims }: Metric): ClaimsQuestion {
  if (!claims) throw new TypeError("expected a metric that is judged claim by claim");
  return claims;
}

function support(answer: Record<string, unknown>, context: readonly string[]): FormReading {
  const parsed = supportAnswer.safeParse(answer);
  if (!parsed.success) return wrongForm(parsed.error);
  const claims = parsed.data.claims.map((one) => ({ ...one, quote: one.quote ?? "" }));
  const found = faithfulness(claims satisfies Claim[], context);
  if (!found) return { status: "not_applicable", reason: "no_claims" };
  const evidence = claims.map((one) => ({ ...one, verified: isQuoted(one.quote, context) }));
  const supported = evidence.filter((one) => one.verdict === "supported" && one.verified);
  return {
    status: "ok",
    score: found.supported,
    norm: found.supported,
    label: `${supported.length} of ${claims.length}`,
    reasoning: reasonsOf(
      evidence.filter((one) => !supported.includes(one)),
      "Every claim is supported.",
    ),
    evidence,
    measures: {
      claims: claims.length,
      contradicted: found.contradicted,
      quote_miss_rate: found.quoteMissRate,
    },
  };
}

function match(answer: Record<string, unknown>): FormReading {
  const parsed = matchAnswer.safeParse(answer);
  if (!parsed.success) return wrongForm(parsed.error);
  const { claims } = parsed.data;
  const number = (wanted: (typeof MATCH)[number]): number =>
    claims.filter(({ verdict }) => verdict === wanted).length;
  const [right, wrong, missing] = [number("right"), number("wrong"), number("missing")];
  const f1 = claimF1(right, wrong, missing);
  if (f1 === undefined) return { status: "not_applicable", reason: "no_claims" };
  return {
    status: "ok",
    score: f1,
    norm: f1,
    label: `${right} right, ${wrong} wrong, ${missing} missing`,
    reasoning: reasonsOf(
      claims.filter(({ verdict }) => verdict !== "right"),
      "Every claim is right.",
    ),
    evidence: claims,
    measures: { claims: claims.length, right, wrong, missing },
  };
}

/** What a person would want to know first: what is not as it should be. */
function reasonsOf(
  claims: readonly { claim: string; verdict: string; verified?: boolean }[],
  none: string,
): string {
  if (claims.length === 0) return none;
  return claims
    .map(
      ({ claim, verdict }) => `${verdict === "supported" ? "quote not found" : verdict}: ${claim}`,
    )
    .join("; ");
}

function wrongForm(error: z.ZodError): FormReading {
  const [issue] = error.issues;
  const detail = `${issue?.path.join(".") ?? "claims"}: ${issue?.message ?? "expected claims"}`;
  return { status: "failed", failure: "parse", detail };
}
