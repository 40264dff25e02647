/**
 * Text that wants to be an instruction: families of phrases, marks of chat templates, text that nobody sees.
 *
 * Phrases are looked for in folded text (folded-text.ts), so that zero-width characters, look-alike letters, capitals and
 * punctuation do not hide them, and once more with digits read as letters where a word has both (`1gn0re`). It is a net
 * for the known and the lazy; a new wording gets through. docs/guardrails.md has the figures.
 */
import type { Range, Scanner } from "../../redact/range.ts";
import { checkOf, type Check, type CheckOptions } from "../check.ts";
import { fold, isInvisible, type FoldedText } from "../folded-text.ts";
import { placeOf } from "./canary.ts";

type InjectionKind =
  | "instruction_override"
  | "prompt_leak"
  | "role_hijack"
  | "template_mark"
  | "hidden_text";

export interface PromptInjectionOptions extends CheckOptions {
  /** @default all */
  kinds?: readonly InjectionKind[];
}

/** How likely a find is an attack and no talk about one; by judgement, for ordering what people look at. */
const RISK: Readonly<Record<InjectionKind, number>> = {
  instruction_override: 0.9,
  prompt_leak: 0.7,
  role_hijack: 0.7,
  template_mark: 0.8,
  hidden_text: 0.6,
};

/** Up to `most` words in between. */
const gap = (most: number): string => `(?: [\\p{L}\\p{N}]{1,20}){0,${most}}`;
const INSTRUCTIONS =
  "(?:instructions?|prompts?|rules?|directions?|directives?|guidelines?|guardrails?|orders?|commands?|restrictions?|programming|safeguards?|constraints?|polic(?:y|ies))";

const PHRASES: Readonly<Partial<Record<InjectionKind, readonly string[]>>> = {
  instruction_override: [
    `(?:ignore|ignoring|disregard|disregarding|forget|overrule|override|bypass|neglect|skip|drop|do not (?:follow|obey|listen to)|don t (?:follow|obey|listen to)|stop (?:following|obeying))${gap(2)} (?:previous|prior|above|earlier|preceding|foregoing|existing|original|initial|system|developer|your|these|those)${gap(3)} ${INSTRUCTIONS}`,
    `(?:ignore|disregard|forget) (?:everything|all|anything) (?:above|before|previous|prior|you were told|you have been told|i said|that came before|said so far)`,
    `(?:ignore|disregard|forget|bypass) all (?:of )?(?:the )?${INSTRUCTIONS}`,
    `(?:your|here are|the following are) (?:your )?new (?:instructions|rules|orders|directives)(?: are| is)?`,
    `(?:from now on|henceforth|starting now) you (?:will|must|are|should|only)`,
    `(?:ignorier[et]?|vergiss|missachte)${gap(3)} (?:anweisungen|regeln|vorgaben|instruktionen|befehle)`,
    `(?:ignorez?|oubliez?)${gap(3)} (?:instructions|consignes|regles)`,
    `(?:ignor[ae]|olvid[ae])${gap(3)} (?:instrucciones|reglas|indicaciones)`,
  ],
  prompt_leak: [
    `(?:reveal|show|print|repeat|output|display|expose|leak|recite|disclose|give|tell|write out|copy|dump|translate|summari[sz]e|encode)${gap(3)} (?:your|the|its) (?:(?:full|entire|complete|exact|original|hidden|initial|secret|whole|own) )?(?:system|initial|hidden|secret|original|developer|internal|above) (?:prompt|instructions?|message|rules|guidelines|configuration)`,
    `(?:what|which) (?:is|are|was|were) (?:your|the) (?:(?:full|exact|original) )?(?:system|initial|hidden|secret|original|developer|internal) (?:prompt|instructions?|message|rules|guidelines)`,
    `(?:repeat|print|output|recite|copy) (?:everything|all|the text|the words|all the text|all of the text|what is|verbatim everything)${gap(2)} (?:above|before this|preceding)`,
  ],
  role_hijack: [
    `you are (?:now |no longer )(?:an? )?${gap(3)} ?(?:dan|unrestricted|unfiltered|uncensored|jailbroken|evil|bound by|restricted|root|admin|developer mode)`,
    `(?:act|behave|respond|answer|pretend|roleplay|role play)${gap(4)} (?:dan|(?:have|has|had|with) no (?:restrictions|rules|limits|filters?|guidelines)|without (?:any )?(?:restrictions|rules|limits|filters?|guidelines|safety)|unrestricted|unfiltered|uncensored|jailbroken)`,
    `(?:enable|enter|activate|switch to|turn on)${gap(2)} (?:developer|dan|jailbreak|god|debug|unrestricted|sudo) mode`,
    `(?:do anything now|jailbreak mode|developer mode (?:enabled|on|activated))`,
    `(?:disable|turn off|deactivate|remove)${gap(3)} (?:safety|content|moderation|ethical) (?:filters?|guidelines|restrictions|policies|protocols|checks)`,
  ],
};

const FAMILIES = (Object.entries(PHRASES) as [InjectionKind, readonly string[]][]).map(
  ([kind, phrases]) => ({
    kind,
    pattern: new RegExp(`(?<![\\p{L}\\p{N}])(?:${phrases.join("|")})(?![\\p{L}\\p{N}])`, "gu"),
  }),
);

/** Without one of these no phrase can be there: most text is not searched further. */
const MAY_HOLD =
  /ignor|disregard|forget|overrul|overrid|bypass|neglect|skip|drop|follow|obey|listen|new|now|henceforth|vergiss|missachte|oubli|olvid|reveal|show|print|repeat|output|display|expose|leak|recite|disclose|give|tell|write|copy|dump|translate|summari|encode|what|which|you are|act|behave|respond|answer|pretend|role|enable|enter|switch|turn|jailbreak|developer|disable|remove/;

/** Marks by which chat templates divide who speaks; in a text of a user they have no business. */
const TEMPLATE_MARKS =
  /<\|(?:im_start|im_end|system|user|assistant|endoftext|start_header_id|end_header_id|eot_id|begin_of_text)\|>|\[\/?INST\]|<<\/?SYS>>|<\/?(?:system|system_prompt|system_instructions?)>|^(?:#{2,4} ?(?:system|new instructions?)(?: prompt| message)?:?|system(?: prompt| message)?:)(?=\s)/gim;

/** The longest phrase in letters and digits; the tests hold it to the patterns. */
const REACH = 200;

/**
 * Attempts to give the model instructions by way of its input: what a user, a document or a tool says.
 * @example checks.promptInjection({ action: "block", stages: ["input", "context", "tool_result"] })
 */
export function promptInjection(options: PromptInjectionOptions = {}): Check {
  const all = Object.keys(RISK) as InjectionKind[];
  const kinds = new Set(options.kinds ?? all);
  const find: Scanner<string> = (text, found) => {
    for (const range of allIn(text)) if (kinds.has(range.label)) found(range);
  };
  return {
    ...checkOf(options, { name: "prompt_injection", stages: ["input", "context", "tool_result"] }),
    scan: { find, reach: REACH, hidden: false, risk: (type) => RISK[type as InjectionKind] },
  };
}

/** Ascending; where two overlap, the first. */
function allIn(text: string): Range<InjectionKind>[] {
  const folded = fold(text);
  const ranges = [...phrasesIn(folded.text, folded), ...marksIn(text), ...hiddenIn(text)];
  const plain = readDigitsAsLetters(folded.text);
  if (plain !== folded.text) ranges.push(...phrasesIn(plain, folded));
  let end = 0;
  return ranges
    .toSorted((a, b) => a.start - b.start || b.end - a.end)
    .filter((range) => {
      if (range.start < end) return false;
      end = range.end;
      return true;
    });
}

function phrasesIn(plain: string, folded: FoldedText): Range<InjectionKind>[] {
  if (!MAY_HOLD.test(plain)) return [];
  return FAMILIES.flatMap(({ kind, pattern }) =>
    [...plain.matchAll(pattern)].map((match) => ({
      ...placeOf(folded, match.index, match[0].length),
      label: kind,
    })),
  );
}

function marksIn(text: string): Range<InjectionKind>[] {
  return [...text.matchAll(TEMPLATE_MARKS)].map((match) => ({
    start: match.index,
    end: match.index + match[0].length,
    label: "template_mark",
  }));
}

/** What isInvisible knows, for a look over the whole text. */
const MAYBE_INVISIBLE =
  /\u00ad|\u034f|\u061c|\u115f|\u1160|\u180e|[\u200b-\u200f\u202a-\u202e\u2060-\u206f]|\ufeff|\udb40[\udc00-\udfff]/g;
/** Emoji and several scripts are written with single joiners; tags and overrides are never text. */
const LEAST_INVISIBLE = 4;

/** Runs of characters that nobody sees, and directions that show text other than it is. */
function hiddenIn(text: string): Range<InjectionKind>[] {
  const ranges: Range<InjectionKind>[] = [];
  let end = 0;
  for (const match of text.matchAll(MAYBE_INVISIBLE)) {
    const start = match.index;
    if (start < end) continue;
    end = start;
    let characters = 0;
    for (; characters < MOST_INVISIBLE; characters++) {
      const point = text.codePointAt(end);
      if (point === undefined || !isInvisible(point)) break;
      end += point > 0xffff ? 2 : 1;
    }
    if (characters >= LEAST_INVISIBLE || /^[\u202d\u202e]/.test(match[0]))
      ranges.push({ start, end, label: "hidden_text" });
  }
  return ranges;
}

const MOST_INVISIBLE = 1_024;

const AS_LETTERS: Readonly<Record<string, string>> = {
  0: "o",
  1: "i",
  3: "e",
  4: "a",
  5: "s",
  7: "t",
};

/** `1gn0re` → `ignore`, of the same length; numbers stay numbers. */
function readDigitsAsLetters(text: string): string {
  return text.replace(/[a-z\d]{2,}/g, (word) =>
    /\d/.test(word) && /[a-z]/.test(word)
      ? word.replace(/[013457]/g, (digit) => AS_LETTERS[digit]!)
      : word,
  );
}
