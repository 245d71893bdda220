import { z } from "zod";
import { defaultLimits } from "../core/index.js";
import { brokerOptions } from "./options.js";

/** The JSON Schema (draft 2020-12) of the configuration file. It is the same on every machine. */
export function configSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...rest } = z.toJSONSchema(brokerOptions.omit({ log: true }), {
    io: "input",
    override: ({ path, jsonSchema }) => {
      // The default of serverName is this machine's name; each limit has a default of its own.
      if (path.at(-1) === "serverName") delete jsonSchema.default;
      if (path.at(-1) === "limits") Object.assign(jsonSchema, limitsForm(jsonSchema.description));
    },
  });
  const properties = {
    $schema: { description: "Where editors find this description; the broker does not read it", type: "string" },
    ...rest.properties,
  };
  return { $schema, title: "The configuration file of broker start", ...rest, properties };
}

function limitsForm(description: string | undefined): Readonly<Record<string, unknown>> {
  const properties = Object.fromEntries(
    Object.entries(defaultLimits).map(([name, value]) => [name, { type: "number", minimum: 0, default: value }]),
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
