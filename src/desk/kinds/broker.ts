import { z } from "zod";
import { noFields, noList } from "../fields.js";
import { kind } from "../kind.js";

/** `ping`: proves that the asker is heard and hears, and tells whether another program uses its name. */
export const ping = kind({
  request: z.strictObject({
    instance: z.string().max(64).describe("the X-Instance of the asker's SUB socket").exactOptional(),
  }),
  answer: z.object({
    place: z
      .int()
      .min(1)
      .describe("so many of these came before the asker's instance, and itself: 1 is the first")
      .exactOptional(),
    connections: z.int().min(0).describe("of how many connections the asker's name is; more than 1: they share it"),
  }),
  right: undefined,
  length: noList,
  run: ({ directory, asker, place }, { instance }) => {
    const at = instance === undefined ? undefined : place?.(instance);
    const connections = directory.agent(asker)?.connections ?? 0;
    return { message: "pong", data: { connections, ...(at !== undefined && { place: at }) } };
  },
});

/** `broker.status`: ledgers, limits and connections. */
export const brokerStatus = kind({
  request: noFields,
  answer: z.looseObject({}),
  right: "operate",
  length: noList,
  run: ({ status }) => ({ message: "the broker is running", data: status() }),
});
