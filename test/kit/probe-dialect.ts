import { asFault, Fault, principal, type Envelope } from "../../src/core/index.js";
import {
  defineDialect,
  hasType,
  type AnyDialect,
  type Dialect,
  type DialectTypes,
  type Frame,
  type Session,
} from "../../src/dialect/index.js";

/** What the probe hears and says: any JSON object. */
export type ProbeEvent = Readonly<Record<string, unknown>>;
export interface ProbeTypes extends DialectTypes {
  command: ProbeCommand;
  event: ProbeEvent;
  state: { readonly notes: string[] };
  phase: "greeting" | "ready";
  limits: object;
  settings: object;
}
export type ProbeSession = Session<ProbeTypes>;
export type ProbeCommand =
  | { readonly type: "login"; readonly name: string; readonly token?: string; readonly listed?: boolean }
  | { readonly type: "view"; readonly token: string; readonly name?: string }
  | { readonly type: "do"; readonly what: string };

/** A test's own handlers: `{type: "do", what: NAME}` runs the one of that name. */
export type ProbeHandlers = Readonly<Record<string, (session: ProbeSession) => void | Promise<void>>>;

/** Parts of the dialect that a test replaces; `costs`: the tokens that each handler takes. */
export type ProbeOptions = Partial<Dialect<ProbeTypes>> & { readonly costs?: number };

/**
 * A dialect that lets a test run anything as a command. `token: "own NAME"` proves a name, `"shared"` shares it, none
 * claims it.
 */
export function probe(handlers: ProbeHandlers = {}, { costs = 0, ...more }: ProbeOptions = {}): AnyDialect {
  return defineDialect<ProbeTypes>({
    name: "probe",
    paths: ["/probe"],
    subprotocols: ["probe.v1"],
    title: "Probe",
    recognise: (frame) => hasType(frame, ["probe"]),
    initialPhase: "greeting",
    open: () => ({ notes: [] }),
    codec: () => ({ decode, encode: (event) => JSON.stringify(event) }),
    commands: {
      login: {
        phase: "greeting",
        async run(session, { name, token, listed = true }) {
          const shown = token === undefined ? undefined : await session.services.identity.bearer(token, "probe");
          const who = shown === undefined ? principal(name, "claimed") : await shown.speakFor(name);
          await session.admit(who, { listed });
          session.phase = "ready";
          session.send({ type: "welcome" });
        },
      },
      view: {
        phase: "greeting",
        async run(session, { token, name }) {
          await session.view(await (await session.services.identity.bearer(token, "probe")).viewer(), name);
          session.phase = "ready";
          session.send({ type: "welcome" });
        },
      },
      do: {
        phase: ["greeting", "ready"],
        cost: costs,
        run(session, { what }) {
          const handler = handlers[what];
          if (handler === undefined) throw new Fault("not-found", `this test has no ${what}`);
          return handler(session);
        },
      },
    },
    render: {
      variant: () => "",
      event: ({ type, from, to, content, in_reply_to, trust }: Envelope, { replay }) => ({
        type,
        from,
        to,
        text: content.message,
        kind: content.kind,
        data: content.data,
        in_reply_to,
        trust,
        ...(replay && { replay }),
      }),
    },
    refuse: ({ code, message, fatal }) => ({
      reply: { type: "refused", code, message },
      ...(fatal && { close: { code: 4000, reason: code } }),
    }),
    ...more,
  });
}

function decode(frame: Frame): readonly ProbeCommand[] {
  try {
    return frame
      .toString()
      .split("\n")
      .map((line) => JSON.parse(line) as ProbeCommand); // the tests' own
  } catch (thrown) {
    throw new Fault("malformed", asFault(thrown).message);
  }
}
