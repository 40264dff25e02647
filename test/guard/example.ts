/** One text of the labelled set. */
export interface Example {
  /** What it is about: a type that a check finds. */
  kind: string;
  /** The documented form that it has, or what it looks like and is not. */
  form: string;
  text: string;
  /** What is to be found, as it stands in the text; none in a hard negative. */
  expect: readonly string[];
}

/** The canary of the set's system prompt. */
export const CANARY = "kq7mzt4wxb29npdh";
/** Addresses that the set's answers may point to. */
export const ALLOWED = ["example.com", "*.example.com", "github.com/acme/"];
