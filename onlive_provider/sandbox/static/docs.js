// Draws what /openapi.json says: every endpoint with its parameters, its body and its answers.

import { byId, element } from "./dom.js";

const DEEPEST = 6;
const RULES = {
  minimum: (limit) => `at least ${limit}`,
  exclusiveMinimum: (limit) => `above ${limit}`,
  maximum: (limit) => `at most ${limit}`,
  minLength: (limit) => `not shorter than ${limit}`,
  minItems: (limit) => `at least ${limit} items`,
  maxItems: (limit) => `at most ${limit} items`,
  default: (value) => `${value} by default`,
};

const answer = await fetch("/openapi.json");
const api = await answer.json();
byId("title").textContent = `${api.info.title} ${api.info.version}`;
byId("description").textContent = api.info.description;
byId("operations").replaceChildren(...Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => drawOperation(method, path, operation))), drawSigning());

function drawOperation(method, path, { summary, parameters = [], requestBody, responses, security }) {
  const body = requestBody?.content["application/json"].schema;
  return element("section", { className: "card" },
    element("div", { className: "card-head" },
      element("h2", {}, element("span", { className: `tag method-${method}` }, method.toUpperCase()), ` ${path}`),
      element("p", { className: "muted" }, summary)),
    security ? null : element("p", { className: "muted" }, "Needs no signature."),
    ...(parameters.length ? [element("h3", {}, "Parameters"), drawFields(parameters.map((each) => [each.name, each.schema, each.required, each.description]))] : []),
    ...(body ? [element("h3", {}, "Body"), drawSchema(body, 0)] : []),
    element("h3", {}, "Answers"),
    ...Object.entries(responses).map(([status, response]) => drawAnswer(status, response)));
}

function drawAnswer(status, { description, content }) {
  const schema = content?.["application/json"]?.schema;
  const told = [element("b", { className: `status s${status[0]}` }, status), ` ${description}`];
  if (!schema) return element("p", {}, ...told);
  return element("details", {}, element("summary", {}, ...told), drawSchema(schema, 0));
}

function drawSchema(schema, depth) {
  const { items, properties, required = [] } = partsOf(schema);
  if (items) return drawSchema(items, depth);
  if (!properties || depth > DEEPEST) return element("p", {}, typeOf(schema));
  return drawFields(Object.entries(properties).map(([name, each]) => [name, each, required.includes(name)]), depth);
}

function drawFields(fields, depth = 0) {
  return element("dl", { className: "fields" }, ...fields.flatMap(([name, schema = {}, isRequired, description]) => {
    const { properties, items } = partsOf(schema);
    const inner = properties ?? (items && partsOf(items).properties);
    const told = [typeOf(schema), isRequired ? "required" : "", rulesOf(schema)].filter(Boolean).join(", ");
    return [element("dt", {}, name), element("dd", {}, description ? `${told}: ${description}` : told, inner ? drawSchema(schema, depth + 1) : null)];
  }));
}

// A schema without its reference, and of alternatives the one that is not null.
function partsOf(schema) {
  if (schema.$ref) return partsOf(schema.$ref.split("/").slice(1).reduce((part, key) => part[key], api));
  const other = schema.anyOf?.find(({ type }) => type !== "null");
  return other ? partsOf(other) : schema;
}

function typeOf(schema) {
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(" or ");
  const { type, format, items, enum: names } = schema.$ref ? partsOf(schema) : schema;
  if (names) return names.join(" or ");
  if (type === "array") return items ? `array of ${typeOf(items)}` : "array";
  return format ?? type ?? "anything";
}

function rulesOf(schema) {
  const parts = partsOf(schema);
  return Object.entries(RULES).filter(([name]) => parts[name] !== undefined).map(([name, told]) => told(parts[name])).join(", ");
}

function drawSigning() {
  const schemes = Object.values(api.components.securitySchemes ?? {});
  return element("section", { className: "card" },
    element("h2", {}, "Headers of a signed call"),
    element("dl", { className: "fields" }, ...schemes.flatMap(({ name, description }) =>
      [element("dt", {}, name), element("dd", {}, description)])));
}
