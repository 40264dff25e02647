/** The OpenAPI 3.1 document, made from the same schemas that check what comes in and, in tests, what goes out. */
import { z } from "zod";
import { errorAnswer } from "./answers.ts";
import type { Endpoint, StreamEndpoint } from "./endpoint.ts";
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

function operation(name: string, definition: Endpoint | StreamEndpoint): Json {
  const { method, path, summary, parameters } = definition;
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
      "200": answerOf(definition),
      "4XX": problem("What was asked for is wrong; the error says how"),
      "5XX": problem("Try again later"),
    },
  };
}

const REQUEST_ID = {
  "X-Request-Id": {
    description: "Names this request; the client's own where it sent a plain one",
    schema: { type: "string" },
  },
};

function answerOf(definition: Endpoint | StreamEndpoint): Json {
  if (!("media" in definition))
    return {
      description: "The answer",
      headers: REQUEST_ID,
      content: jsonContent(schemaOf(definition.answer, "output")),
    };
  const content = Object.entries(definition.media).map(([type, description]) => [
    type,
    { schema: { type: "string", description } },
  ]);
  return {
    description: "The answer, sent as it is made",
    headers: REQUEST_ID,
    content: Object.fromEntries(content),
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
