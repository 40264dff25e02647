/** What a tool was given and what it gave, as the content policy lets it out. */
import { ATTR } from "../conventions.ts";
import { writtenValue, type CallDescription } from "./traced-call.ts";

/** @param resultOf picks what to show of the result */
export function toolContent(
  given: unknown,
  resultOf: (result: unknown) => unknown = (result) => result,
): CallDescription["write"] {
  return (attributes, writer, result) => {
    const took = writtenValue(given, writer);
    const gave = writtenValue(resultOf(result), writer);
    if (took !== undefined) attributes[ATTR.toolCallArguments] = took;
    if (gave !== undefined) attributes[ATTR.toolCallResult] = gave;
  };
}
