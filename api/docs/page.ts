/**
 * The API's description as a page for people: plain HTML, made once, no script. Pure.
 *
 * DP1  Whatever stands in the description is text here: it is escaped where it enters, and backticks make code of it.
 * DP2  An object is written as its fields, one a line, those inside others with their path: `rows[].place`.
 */
export interface Description {
  readonly info: { readonly title: string; readonly description?: string; readonly version: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

export interface Operation {
  readonly tags?: readonly string[];
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses?: Readonly<Record<string, Response>>;
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

interface Response {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Schema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly default?: unknown;
}

const DEPTH_MAX = 4;

export function docsPage(description: Description): string {
  const { info, tags = [], paths } = description;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const sections = tags
    .map(({ name, description = name }) => ({
      name,
      description,
      own: operations.filter(({ operation }) => operation.tags?.includes(name)),
    }))
    .filter(({ own }) => own.length > 0);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="theme-color" content="#0a1e3f" />
    <title>${text(info.title)} API</title>
    <link rel="icon" href="/icon.svg" type="image/svg+xml" />
    <link rel="stylesheet" href="/base.css" />
    <link rel="stylesheet" href="/docs.css" />
  </head>
  <body>
    <a class="skip" href="#operations">Skip to the operations</a>
    <header class="top"><a class="brand" href="/">${text(info.title)}</a></header>
    <main class="docs">
      <h1>API</h1>
      <p>${text(info.description)} The same for programs: <a href="/docs/json">OpenAPI 3.1</a>.</p>
      <p>Whatever is refused is answered <code>{ code, message }</code>: what was wrong, and what is allowed. 429 and 503 come with
        <code>retry-after</code>. Routes of control and of health may need <code>Authorization: Bearer TOKEN</code>.</p>
      <nav aria-label="Sections"><ul>${sections
        .map(({ name, description }) => `<li><a href="#${text(name)}">${text(description)}</a></li>`)
        .join("")}</ul></nav>
      <div id="operations" tabindex="-1">${sections
        .map(
          ({ name, description, own }) =>
            `<section id="${text(name)}" aria-labelledby="${text(name)}-title">
        <h2 id="${text(name)}-title">${text(description)}</h2>
        ${own.map(operationPart).join("\n        ")}
      </section>`,
        )
        .join("\n      ")}</div>
    </main>
  </body>
</html>
`;
}

function operationPart(one: { path: string; method: string; operation: Operation }): string {
  const { path, method, operation } = one;
  const { summary, description, parameters = [], requestBody, responses = {} } = operation;
  const body = requestBody?.content["application/json"]?.schema;
  const parts = [
    description && `<p>${text(description)}</p>`,
    `<pre><code>${text(exampleOf(path, method, body))}</code></pre>`,
    parameters.length > 0 && table("Parameters", parameters.map(parameterRow)),
    body && table("Body, JSON", fieldsOf(body).map(row)),
    ...Object.entries(responses).map(([status, response]) => responsePart(status, response)),
  ];
  return `<details>
          <summary><span class="method">${method}</span> <code>${text(path)}</code> <span class="what">${text(summary)}</span></summary>
          <div class="operation">${parts.filter(Boolean).join("")}</div>
        </details>`;
}

function responsePart(status: string, { description, content = {} }: Response): string {
  const [type, { schema } = { schema: {} }] = Object.entries(content)[0] ?? [];
  const isProblem = schema.title === "Problem";
  if (isProblem) return `<p class="refusal"><strong>${text(status)}</strong> refused: code and message</p>`;
  const fields = type === "application/json" ? fieldsOf(schema) : [];
  const caption = `${status}${type ? `, ${type}` : ""}`;
  if (fields.length === 0) return `<p><strong>${text(caption)}</strong> ${text(description)}</p>`;
  return table(caption, fields.map(row));
}

interface Field {
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** DP2 */
function fieldsOf(schema: Schema, prefix = "", depth = 0): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const own = { name: path, schema: field, required: schema.required?.includes(name) ?? false };
    if (depth >= DEPTH_MAX) return [own];
    const inner = field.anyOf?.find(({ properties }) => properties) ?? field;
    const below = inner.items
      ? fieldsOf(inner.items, `${path}[].`, depth + 1)
      : fieldsOf(inner, `${path}.`, depth + 1);
    return [own, ...below];
  });
}

const parameterRow = ({ name, schema, required = false, description, in: where }: Parameter): string =>
  cells(
    name,
    `${where === "query" ? "" : `${where}, `}${typeText(schema)}`,
    required,
    schema.description ?? description,
  );

const row = ({ name, schema, required }: Field): string =>
  cells(name, typeText(schema), required, schema.description);

const cells = (name: string, type: string, required: boolean, description: string | undefined): string =>
  `<tr><th scope="row"><code>${text(name)}</code></th><td>${text(type)}${required ? "" : ", optional"}</td><td>${text(description)}</td></tr>`;

const table = (caption: string, rows: readonly string[]): string =>
  `<table><caption>${text(caption)}</caption><thead><tr><th scope="col">Name</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;

function typeText(schema: Schema): string {
  const { type, items, minimum, maximum, maxLength, minItems, maxItems, default: otherwise } = schema;
  if (schema.anyOf) return schema.anyOf.map(typeText).join(" or ");
  if (schema.enum) return `one of ${schema.enum.join(", ")}`;
  const name = [type ?? "any"].flat().join(" or ");
  return [
    items ? `list of ${typeText(items)}` : name,
    minimum !== undefined && maximum !== undefined ? ` ${minimum} to ${maximum}` : "",
    maxLength === undefined ? "" : `, at most ${maxLength} characters`,
    minItems !== undefined && maxItems !== undefined ? `, ${minItems} to ${maxItems}` : "",
    otherwise === undefined ? "" : `, default ${otherwise}`,
  ].join("");
}

/** For a terminal, on this machine. */
function exampleOf(path: string, method: string, body: Schema | undefined): string {
  const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}http://127.0.0.1:8080${path}`];
  if (body) {
    const names = body.required ?? [];
    const sample = JSON.stringify(Object.fromEntries(names.map((name) => [name, "..."])));
    lines.push("  -H 'content-type: application/json'", `  -d '${sample}'`);
  }
  return lines.join(" \\\n");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** DP1 */
function text(value = ""): string {
  return value
    .replace(/[&<>"]/g, (character) => ENTITIES[character]!)
    .replace(/`([^`]*)`/g, "<code>$1</code>");
}
