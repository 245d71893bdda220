import {
  agentNameProblem,
  Fault,
  listCost,
  principal,
  type DialectTypes,
  type Rules,
  type Session,
  type SpeakingRate,
} from "#dialect";
import type { EchoLimits } from "./options.js";
import type { EchoCommand, EchoEvent } from "./schema.js";
import { toDraft } from "./translate.js";

/** What echo remembers of a session. */
export interface EchoState {
  /** How much was echoed. */
  echoes: number;
}

/** The types of echo. */
export interface Echo extends DialectTypes {
  command: EchoCommand;
  event: EchoEvent;
  state: EchoState;
  phase: "greeting" | "ready";
  limits: EchoLimits;
  settings: object;
}

/** A session before its login. */
export function open(): EchoState {
  return { echoes: 0 };
}

/** When each command may be said, and what it does. */
export const table: Rules<Echo> = {
  login: {
    phase: "greeting",
    async run(session, { name, token }) {
      const problem = agentNameProblem(name);
      if (problem !== undefined) throw new Fault("malformed", `name: ${problem}`);
      const { identity } = session.services;
      const shown = token === undefined ? undefined : await identity.bearer(token, "echo");
      await session.admit(shown === undefined ? principal(name, "claimed") : await shown.speakFor(name));
      session.phase = "ready";
    },
  },
  echo: {
    phase: "ready",
    run(session, { text }) {
      session.state.echoes += 1;
      session.send({ type: "echo", text });
    },
  },
  say: {
    phase: "ready",
    cost: 1,
    run(session, command) {
      session.say(toDraft(command));
    },
  },
  join: {
    phase: "ready",
    cost: 1,
    run(session, { room, history }) {
      return session.joinInTurn(room, { create: true, ...(history !== undefined && { history }) }, () => {
        session.send({ type: "joined", room, agent: nameOf(session) });
      });
    },
  },
  leave: {
    phase: "ready",
    cost: 1,
    run(session, { room }) {
      session.leave(room);
      session.send({ type: "left", room, agent: nameOf(session) });
    },
  },
  list: {
    phase: "ready",
    /** A long list costs more than a short one, and is paid for before it is made. */
    cost: (_list, { services: { directory } }) => listCost(directory.agentCount),
    run(session) {
      session.send({
        type: "agents",
        names: session.services.directory.contacts
          .agentsFor(session.principal?.agent ?? "")()
          .map(({ name }) => name),
      });
    },
  },
};

/** The first word after the login. */
export function greet(session: Session<Echo>): void {
  session.send({ type: "welcome", name: nameOf(session) });
}

/** The agent's bucket, over all its connections. */
export const rate: SpeakingRate<Echo> = {
  refusal: "too fast; try again later",
  buckets: ({ limits: { echoRatePerSecond: perSecond, echoRateBurst: burst } }) => [
    { owner: "agent", rate: { perSecond, burst } },
  ],
};

function nameOf({ principal: speaker }: Session<Echo>): string {
  if (speaker === undefined) throw new Fault("unauthenticated", "log in first");
  return speaker.agent;
}
