/**
 * A provider for a command, which somebody waits for: what the collector would wait out for hours (a wrong key, a server
 * that is away) is an answer here, and a failure with its reason.
 */
import type { Provider } from "../ask.ts";
import type { JudgeConfig } from "../config.ts";
import { connectProviders } from "../connect-providers.ts";
import { CallError, type CallModel } from "../provider.ts";

/** @param giveUpAfter so many calls in a row that nobody answered */
export function connectImpatiently(
  config: Pick<JudgeConfig, "providers">,
  giveUpAfter: number,
): Map<string, Provider> {
  const providers = connectProviders(config.providers);
  return new Map(
    [...providers].map(([name, { call, gate }]) => [
      name,
      { call: impatient(call, giveUpAfter), gate },
    ]),
  );
}

function impatient(call: CallModel, giveUpAfter: number): CallModel {
  let unanswered = 0;
  return async (request, signal) => {
    try {
      const answer = await call(request, signal);
      unanswered = 0;
      return answer;
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      if (error.failure === "unavailable") unanswered++;
      const isHopeless = error.failure === "denied" || unanswered >= giveUpAfter;
      if (!isHopeless) throw error;
      throw new CallError("refused", `${error.failure}: ${error.message}`, { cause: error });
    }
  };
}
