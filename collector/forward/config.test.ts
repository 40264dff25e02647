import { expect, test } from "vitest";

import { ConfigFileError } from "../config-file.ts";
import { parseForward } from "./config.ts";
import { presentable } from "./destination.ts";

function problems(text: string, env: NodeJS.ProcessEnv = {}): string {
  try {
    parseForward(text, env, "forward.yaml");
  } catch (error) {
    if (error instanceof ConfigFileError) return error.message;
    throw error;
  }
  return "none";
}

test("defaults, addresses of both signals, a header from the environment", () => {
  const text = `
destinations:
  - name: backend
    endpoint: https://otlp.example.com/otlp/
    headers: { Authorization: { env: TOKEN }, X-Scope: team }
  - name: other
    protocol: grpc
    endpoint: http://127.0.0.1:4317
    signals: [traces]
    projects: [shop]
    attributes: [{ key: gen_ai.provider.name, in: [openai] }]
`;
  const [backend, other] = parseForward(text, { TOKEN: "Bearer abc" }, "forward.yaml");
  expect(backend).toMatchObject({
    protocol: "http/protobuf",
    headers: { authorization: "Bearer abc", "x-scope": "team" },
    compression: "gzip",
    timeoutMs: 10_000,
    startAt: "end",
    filter: undefined,
  });
  expect(String(backend?.urls.traces)).toBe("https://otlp.example.com/otlp/v1/traces");
  expect(String(backend?.urls.logs)).toBe("https://otlp.example.com/otlp/v1/logs");
  expect(Object.keys(other!.urls)).toEqual(["traces"]);
  expect(other?.filter).toEqual({
    projects: ["shop"],
    attributes: [{ key: "gen_ai.provider.name", in: ["openai"], on: "any" }],
  });
});

test.each([
  ["an empty file", "", "destinations"],
  ["no YAML", "destinations: [", "problem"],
  [
    "a word that is not known",
    "destinations: [{ name: a, endpoint: 'http://h', colour: red }]",
    "colour",
  ],
  [
    "a name twice",
    "destinations: [{ name: a, endpoint: 'http://h' }, { name: a, endpoint: 'http://h' }]",
    'destinations.1.name: expected a name of its own, got "a" again',
  ],
  [
    "a name that is no file name",
    "destinations: [{ name: ../a, endpoint: 'http://h' }]",
    "destinations.0.name",
  ],
  [
    "another scheme",
    "destinations: [{ name: a, endpoint: 'ftp://h' }]",
    "expected an http or https address",
  ],
  [
    "a password in the address",
    "destinations: [{ name: a, endpoint: 'http://u:p@h' }]",
    "expected no user or password",
  ],
  [
    "a path for gRPC",
    "destinations: [{ name: a, protocol: grpc, endpoint: 'http://h/x' }]",
    'expected no path for gRPC, got "/x"',
  ],
  [
    "a header that is ours",
    "destinations: [{ name: a, endpoint: 'http://h', headers: { Content-Type: x } }]",
    "headers.Content-Type: expected another header",
  ],
  [
    "a variable that is not set",
    "destinations: [{ name: a, endpoint: 'http://h', headers: { k: { env: NOPE } } }]",
    "expected the environment to have NOPE",
  ],
  [
    "a file that is not there",
    "destinations: [{ name: a, endpoint: 'https://h', tls: { ca_file: /no/ca.pem } }]",
    'tls.ca_file: cannot read "/no/ca.pem"',
  ],
])("%s is named", (_, text, expected) => {
  expect(problems(text)).toContain(expected);
});

test("a header's value is in no message, ours or the destination's", () => {
  const text = 'destinations: [{ name: a, endpoint: "http://h", headers: { k: { env: TOKEN } } }]';
  const said = problems(text, { TOKEN: "secret\nvalue" });
  expect(said).toContain("expected a value of visible ASCII");
  expect(said).not.toContain("secret");
  const headers = { authorization: "Bearer abcdefgh" };
  const shown = (text: string) => presentable(text, { headers });
  expect(shown("no such token: Bearer abcdefgh\nsorry")).toBe("no such token: *** sorry");
  expect(shown('Bearer is well known, "abcdefgh" is not')).toBe(
    'Bearer is well known, "***" is not',
  );
});
