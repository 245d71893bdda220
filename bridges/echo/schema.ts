import { z } from "zod";

/** What an echo client can say. Unknown fields are left alone, so that the protocol can grow. */
export const commands = {
  login: z.object({ type: z.literal("login"), name: z.string().min(1), token: z.string().optional() }),
  echo: z.object({ type: z.literal("echo"), text: z.string() }),
  say: z.object({ type: z.literal("say"), to: z.string().min(1), text: z.string() }),
  join: z.object({ type: z.literal("join"), room: z.string().min(1), history: z.int().min(0).max(100).optional() }),
  leave: z.object({ type: z.literal("leave"), room: z.string().min(1) }),
  list: z.object({ type: z.literal("list") }),
} as const;

/** One command, checked. */
export type EchoCommand = { [T in keyof typeof commands]: z.infer<(typeof commands)[T]> }[keyof typeof commands];

/** The words of commands. */
export type EchoWord = EchoCommand["type"];

/**
 * What an echo client hears, by its `type`. The broker writes events without a check; the client reads them by these.
 */
export const events = {
  welcome: z.object({ type: z.literal("welcome"), name: z.string() }),
  echo: z.object({ type: z.literal("echo"), text: z.string() }),
  heard: z.object({
    type: z.literal("heard"),
    from: z.string(),
    to: z.string(),
    text: z.string(),
    id: z.string(),
    replay: z.literal(true).optional(),
  }),
  joined: z.object({ type: z.literal("joined"), room: z.string(), agent: z.string() }),
  left: z.object({ type: z.literal("left"), room: z.string(), agent: z.string() }),
  agents: z.object({ type: z.literal("agents"), names: z.array(z.string()).readonly() }),
  refused: z.object({ type: z.literal("refused"), code: z.string(), message: z.string() }),
} as const;

/** One event. */
export type EchoEvent = { [T in keyof typeof events]: z.infer<(typeof events)[T]> }[keyof typeof events];
