/** The OpenAPI 3.1 document, made from the same schemas that check what comes in and, in tests, what goes out. */
import { z } from "zod";
import { errorAnswer } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import { ENDPOINTS } from "./endpoints.ts";

type Json = Record<string, unknown>;

let made: Json | undefined;

export function openApi(): Json {
  return (made ??= document());
}

function document(): Json {
  const paths: Record<string, Json> = {};
  for (const [name, definition] of Object.entries(ENDPOINTS))
    paths[definition.path] = { [definition.method]: operation(name, definition) };
  return {
    openapi: "3.1.0",
    info: {
      title: "Assay",
      version: "1.0.0",
      description:
        "What models do, what they cost and how good their answers are. Costs are decimal strings in USD, or null when unknown; ids are hex.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [],
    paths,
    components: { schemas: { Error: schemaOf(errorAnswer, "output") } },
  };
}

function operation(name: string, definition: Endpoint): Json {
  const { method, path, summary, parameters, answer } = definition;
  const shape = parameters(0);
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => ({
    name: parameter,
    in: "path",
    required: true,
    description: "Hex digits",
    schema: { type: "string" },
  }));
  return {
    operationId: name,
    summary,
    parameters: [...inPath, ...(method === "get" ? queryParameters(shape) : [])],
    ...(method === "post" && {
      requestBody: {
        required: true,
        content: jsonContent(schemaOf(z.strictObject(shape), "input")),
      },
    }),
    responses: {
      "200": { description: "The answer", content: jsonContent(schemaOf(answer, "output")) },
      "4XX": problem("What was asked for is wrong; the error says how"),
      "5XX": problem("Try again later"),
    },
  };
}

/** A list is the parameter repeated. */
function queryParameters(shape: z.ZodRawShape): Json[] {
  const { properties = {}, required = [] } = schemaOf(z.object(shape), "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function problem(description: string): Json {
  return { description, content: jsonContent({ $ref: "#/components/schemas/Error" }) };
}

function jsonContent(schema: Json): Json {
  return { "application/json": { schema } };
}

function schemaOf(schema: z.core.$ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
