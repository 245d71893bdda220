import { z } from "zod";
import { catalogueOf } from "./options.js";

/** The JSON Schema (draft 2020-12) of the configuration file. It is the same on every machine. */
export function configSchema(): Readonly<Record<string, unknown>> {
  const { schema, limits } = catalogueOf();
  const { $schema, ...rest } = z.toJSONSchema(schema.omit({ log: true }), {
    io: "input",
    unrepresentable: "any",
    override: ({ path, jsonSchema }) => {
      // The default of serverName is this machine's name; each limit has a default of its own. A file names the files
      // of dialects; only a program can give a dialect itself.
      if (path.at(-2) === "dialects") jsonSchema.type = "string";
      if (path.at(-1) === "serverName") delete jsonSchema.default;
      if (path.at(-1) === "limits") Object.assign(jsonSchema, limitsForm(limits, jsonSchema.description));
    },
  });
  const properties = {
    $schema: { description: "Where editors find this description; the broker does not read it", type: "string" },
    ...rest.properties,
  };
  return { $schema, title: "The configuration file of broker start", ...rest, properties };
}

function limitsForm(
  limits: Readonly<Record<string, number>>,
  description: string | undefined,
): Readonly<Record<string, unknown>> {
  const properties = Object.fromEntries(
    Object.entries(limits).map(([name, value]) => [name, { type: "number", minimum: 0, default: value }]),
  );
  return {
    description,
    default: {},
    type: "object",
    properties,
    additionalProperties: false,
    propertyNames: undefined,
  };
}
