import { expect, test } from "vitest";
import { engineError, errorText, httpStatus, queryError } from "./errors.ts";

test.each([
  [
    "Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)",
    60,
    "UNKNOWN_TABLE",
    "Unknown table 'x'",
  ],
  [
    "Code: 164. DB::Exception: Code: 164. DB::Exception: Cannot modify 'a' setting in readonly mode. (READONLY) (version 26.7.2.1). (READONLY)",
    164,
    "READONLY",
    "Cannot modify 'a' setting in readonly mode",
  ],
  [
    "Code: 6. DB::Exception: Cannot parse (a\nb). (CANNOT_PARSE_TEXT) (version 26.7.2.1 (official build))",
    6,
    "CANNOT_PARSE_TEXT",
    "Cannot parse (a\nb)",
  ],
  ["something else", 1001, "STD_EXCEPTION", "something else"],
])("reads %j", (text, code, codeName, message) => {
  expect(engineError(new Error(text))).toMatchObject({ code, codeName, message });
});

test("writes what clients parse", () => {
  const error = queryError(202, "Too many");
  expect(errorText(error, "26.7")).toBe(
    "Code: 202. DB::Exception: Too many. (TOO_MANY_SIMULTANEOUS_QUERIES) (version 26.7)\n",
  );
  expect([
    httpStatus(error),
    httpStatus(queryError(516, "")),
    httpStatus(queryError(62, "")),
  ]).toEqual([500, 403, 400]);
});
