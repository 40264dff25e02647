/** The models' APIs that a configuration names, each behind a gate of its own. */
import { anthropicProvider } from "./anthropic-provider.ts";
import type { JudgeConfig } from "./config.ts";
import { Gate } from "./gate.ts";
import type { Provider } from "./ask.ts";
import { openaiEmbeddings, openaiProvider } from "./openai-provider.ts";

/** By name. @param gate for how long a provider that is away is left alone at first; see gate.ts */
export function connectProviders(
  providers: JudgeConfig["providers"],
  gate: { pauseMs?: number } = {},
): Map<string, Provider & { name: string }> {
  return new Map(
    providers.map((provider) => {
      const { name, kind, maxInFlight } = provider;
      const calls =
        kind === "openai"
          ? { call: openaiProvider(provider), embed: openaiEmbeddings(provider) }
          : { call: anthropicProvider(provider) };
      return [name, { name, ...calls, gate: new Gate(maxInFlight, gate) }];
    }),
  );
}
