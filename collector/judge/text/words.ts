/** How a text becomes the words that are compared. */

/** As the SQuAD question set compares answers: lower case, no punctuation, no articles. */
export function answerWords(text: string): string[] {
  return split(
    text
      .normalize("NFC")
      .toLowerCase()
      .replace(/[!-/:-@[-`{-~]/g, "")
      .replace(/\b(?:a|an|the)\b/g, " "),
  );
}

/** Runs of letters and digits, in lower case, of any script. */
export function plainWords(text: string): string[] {
  return (
    text
      .normalize("NFC")
      .toLowerCase()
      .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []
  );
}

/**
 * As NIST's mteval-v13a splits for BLEU: punctuation apart, but not the points and commas of numbers.
 */
export function bleuWords(text: string): string[] {
  const plain = text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return split(
    ` ${plain} `
      .replace(/[{-~[-` -&(-+:-@/]/g, " $& ")
      .replace(/([^0-9])([.,])/g, "$1 $2 ")
      .replace(/([.,])([^0-9])/g, " $1 $2")
      .replace(/([0-9])(-)/g, "$1 $2 "),
  );
}

/** At white space. */
export function split(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
