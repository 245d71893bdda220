import { z } from "zod";

/** What an echo client can say. Unknown fields are left alone, so that the protocol can grow. */
export const commands = {
  login: z.object({ type: z.literal("login"), name: z.string().min(1) }),
  echo: z.object({ type: z.literal("echo"), text: z.string() }),
  say: z.object({ type: z.literal("say"), to: z.string().min(1), text: z.string() }),
  join: z.object({ type: z.literal("join"), room: z.string().min(1), history: z.int().min(0).max(100).optional() }),
  leave: z.object({ type: z.literal("leave"), room: z.string().min(1) }),
} as const;

/** One command, checked. */
export type EchoCommand = { [T in keyof typeof commands]: z.infer<(typeof commands)[T]> }[keyof typeof commands];

/** The words of commands. */
export type EchoWord = EchoCommand["type"];

/**
 * What an echo client hears. The broker writes them, so they are types only; the client checks them with this schema.
 */
export const events = z.discriminatedUnion("type", [
  z.object({ type: z.literal("welcome"), name: z.string() }),
  z.object({ type: z.literal("echo"), text: z.string() }),
  z.object({
    type: z.literal("heard"),
    from: z.string(),
    to: z.string(),
    text: z.string(),
    id: z.string(),
    replay: z.literal(true).optional(),
  }),
  z.object({ type: z.literal("joined"), room: z.string(), agent: z.string() }),
  z.object({ type: z.literal("left"), room: z.string(), agent: z.string() }),
  z.object({ type: z.literal("refused"), code: z.string(), message: z.string() }),
]);

/** One event. */
export type EchoEvent = z.infer<typeof events>;
