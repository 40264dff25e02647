/** Whether an answer is JSON, and of the form that was asked for. */
import { z } from "zod";

export interface JsonCheck {
  isJson: boolean;
  /** Of a form other than the schema's: where, and what was expected. Empty when it is right. */
  problems: readonly string[];
}

const MOST_PROBLEMS = 20;

/**
 * The whole text has to be JSON: words or a fence around it are what its reader would stumble over.
 * @throws Error for a schema that cannot be checked (a remote $ref, if/then/else)
 */
export function jsonCheck(schema?: z.core.JSONSchema.JSONSchema): (text: string) => JsonCheck {
  const type = schema === undefined ? z.unknown() : z.fromJSONSchema(schema);
  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      // The parser's words quote the text, which may be private.
      return { isJson: false, problems: ["expected JSON"] };
    }
    const { error } = type.safeParse(value);
    const problems = (error?.issues ?? []).slice(0, MOST_PROBLEMS);
    return {
      isJson: true,
      problems: problems.map(({ path, message }) => `/${path.map(String).join("/")}: ${message}`),
    };
  };
}
