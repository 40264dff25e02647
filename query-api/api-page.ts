/** The OpenAPI document as a page to read: made here, without scripts and without anything from elsewhere. */
import { openApi } from "./openapi.ts";

interface Parameter {
  name: string;
  in: string;
  required: boolean;
  schema: Record<string, unknown>;
}

interface Operation {
  operationId: string;
  summary: string;
  parameters: Parameter[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { description: string; content: Record<string, { schema: unknown }> }>;
}

export const apiPageStyle = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; }
nav ul { columns: 2; list-style: none; padding: 0; }
section { border-top: 1px solid #8886; margin-top: 1.5rem; }
code, pre { font: 13px/1.4 ui-monospace, monospace; }
pre { overflow: auto; max-height: 24rem; background: #8881; padding: .5rem; }
table { border-collapse: collapse; }
td, th { text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0; }
.method { text-transform: uppercase; font-weight: 600; }
`;

let made: string | undefined;

export function apiPage(): string {
  return (made ??= page());
}

function page(): string {
  const { info, paths } = openApi() as {
    info: { title: string; version: string; description: string };
    paths: Record<string, Record<string, Operation>>;
  };
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const links = all.map(
    ({ path, method, operation }) =>
      `<li><a href="#${operation.operationId}"><span class="method">${method}</span> ${escaped(path)}</a></li>`,
  );
  const sections = all.map(({ path, method, operation }) => sectionOf(path, method, operation));
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(info.title)} API</title>
<link rel="stylesheet" href="/api/v1/docs.css"></head>
<body>
<h1>${escaped(info.title)} query API ${escaped(info.version)}</h1>
<p>${escaped(info.description)} The same as a document for programs: <a href="/api/v1/openapi.json">openapi.json</a>.</p>
<nav><ul>${links.join("\n")}</ul></nav>
${sections.join("\n")}
</body>
</html>
`;
}

function sectionOf(path: string, method: string, operation: Operation): string {
  const { operationId, summary, parameters, requestBody, responses } = operation;
  const example = method === "get" && !path.includes("{") ? exampleOf(path, parameters) : undefined;
  return `<section id="${operationId}">
<h2><span class="method">${method}</span> <code>${escaped(path)}</code></h2>
<p>${escaped(summary)}.${example ? ` For example <a href="${escaped(example)}"><code>${escaped(example)}</code></a>` : ""}</p>
${parameters.length === 0 ? "" : `<table><tr><th>Parameter</th><th></th><th>Takes</th></tr>${parameters.map(rowOf).join("")}</table>`}
${requestBody ? schemasOf("Body", requestBody.content) : ""}
${schemasOf("Answer", responses["200"]?.content ?? {})}
</section>`;
}

/** With what is required; what it takes besides a range has no example. */
function exampleOf(path: string, parameters: readonly Parameter[]): string | undefined {
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  if (required.some((name) => name !== "from" && name !== "to")) return undefined;
  return required.length === 0 ? path : `${path}?from=now-24h&to=now`;
}

function rowOf({ name, in: where, required, schema }: Parameter): string {
  const notes = [where === "path" ? "in the path" : "", required ? "required" : ""].filter(Boolean);
  return `<tr><td><code>${escaped(name)}</code></td><td>${notes.join(", ")}</td><td>${escaped(taken(schema))}</td></tr>`;
}

function taken(schema: Record<string, unknown>): string {
  const { description, enum: values, default: byDefault, anyOf, type, pattern } = schema;
  const told = [description, pattern, type].find((one) => typeof one === "string");
  const several = Array.isArray(anyOf) ? "a value; repeat it for several" : undefined;
  const kind = Array.isArray(values) ? values.join(", ") : (several ?? told ?? "text");
  return byDefault === undefined ? kind : `${kind} (default ${JSON.stringify(byDefault)})`;
}

function schemasOf(what: string, content: Record<string, { schema: unknown }>): string {
  return Object.entries(content)
    .map(
      ([type, { schema }]) =>
        `<details><summary>${what}: <code>${escaped(type)}</code></summary><pre>${escaped(JSON.stringify(schema, null, 2))}</pre></details>`,
    )
    .join("\n");
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
