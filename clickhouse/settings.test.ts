import { expect, test } from "vitest";
import {
  addressSetting,
  booleanSetting,
  integerSetting,
  readSettings,
  SettingsError,
} from "./settings.ts";

const table = {
  ASSAY_PORT: { schema: addressSetting, default: "127.0.0.1:4318", about: "" },
  ASSAY_COUNT: { schema: integerSetting(1, 10), default: "3", about: "" },
  ASSAY_FLAG: { schema: booleanSetting, default: undefined, about: "" },
};

test("defaults stand for unset and empty variables", () => {
  expect(readSettings(table, { ASSAY_COUNT: "" })).toEqual({
    ASSAY_PORT: { host: "127.0.0.1", port: 4318 },
    ASSAY_COUNT: 3,
  });
});

test.each([
  ["localhost:80", { host: "localhost", port: 80 }],
  ["[::1]:80", { host: "::1", port: 80 }],
  ["0.0.0.0:0", { host: "0.0.0.0", port: 0 }],
])("address %s", (text, address) => {
  expect(readSettings(table, { ASSAY_PORT: text }).ASSAY_PORT).toEqual(address);
});

test("every problem is named at once: key, what was expected, what came", () => {
  const env = {
    ASSAY_PORT: "4318",
    ASSAY_COUNT: "11",
    ASSAY_FLAG: "yes",
    ASSAY_CUONT: "1",
    HOME: "/",
  };
  const error = (() => {
    try {
      readSettings(table, env);
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toBeInstanceOf(SettingsError);
  expect((error as SettingsError).message.split("\n")).toEqual([
    "4 bad settings:",
    '  ASSAY_PORT: expected host:port, as in "127.0.0.1:4318", got "4318"',
    '  ASSAY_COUNT: expected a whole number from 1 to 10, got "11"',
    '  ASSAY_FLAG: expected "true" or "false", got "yes"',
    '  ASSAY_CUONT: expected a known name (see docs/settings.md), got "1"',
  ]);
});

test("known variables of others pass", () => {
  expect(() => readSettings(table, { ASSAY_ENDPOINT: "x" }, ["ASSAY_ENDPOINT"])).not.toThrow();
});
