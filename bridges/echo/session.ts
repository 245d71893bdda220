import { agentNameProblem, Fault, principal, type Dialect, type Session } from "#dialect";
import type { EchoCommand, EchoEvent } from "./schema.js";
import { toDraft } from "./translate.js";

/** What echo remembers of a session. */
export interface EchoState {
  /** How much was echoed. */
  echoes: number;
}

/** Where a session stands. */
export const phases = { greeting: "greeting", ready: "ready" } as const;

type EchoSession = Session<EchoEvent, EchoState>;

/** A session before its login. */
export function open(): EchoState {
  return { echoes: 0 };
}

/** When each command may be said, and what it does. */
export const table: Dialect<EchoCommand, EchoEvent, EchoState>["commands"] = {
  login: {
    phase: phases.greeting,
    async run(session, { name }) {
      const problem = agentNameProblem(name);
      if (problem !== undefined) throw new Fault("malformed", `name: ${problem}`);
      await session.admit(principal(name, "claimed"));
      session.phase = phases.ready;
    },
  },
  echo: {
    phase: phases.ready,
    run(session, { text }) {
      session.state.echoes += 1;
      session.send({ type: "echo", text });
    },
  },
  say: {
    phase: phases.ready,
    cost: 1,
    run(session, command) {
      session.say(toDraft(command));
    },
  },
  join: {
    phase: phases.ready,
    run(session, { room, history }) {
      session.join(room, { create: true, ...(history !== undefined && { history }) });
      session.send({ type: "joined", room, agent: nameOf(session) });
    },
  },
  leave: {
    phase: phases.ready,
    run(session, { room }) {
      session.leave(room);
      session.send({ type: "left", room, agent: nameOf(session) });
    },
  },
};

/** The first word after the login. */
export function greet(session: EchoSession): void {
  session.send({ type: "welcome", name: nameOf(session) });
}

/** Takes tokens from the agent's own bucket. @throws Fault rate-limited */
export function charge(session: EchoSession, cost: number): void {
  const { panRatePerSecond: perSecond, panRateBurst: burst } = session.services.limits;
  const retryAfterMs = session.services.limiter.take(`agent ${nameOf(session)}`, { perSecond, burst }, cost);
  if (retryAfterMs > 0) throw new Fault("rate-limited", `too fast; try again in ${retryAfterMs} ms`, { retryAfterMs });
}

function nameOf({ principal: speaker }: EchoSession): string {
  if (speaker === undefined) throw new Fault("unauthenticated", "log in first");
  return speaker.agent;
}
