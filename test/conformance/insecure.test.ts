import { describe, expect, it } from "vitest";
import type { ConformanceSubject } from "../../src/conformance/index.js";
import {
  agentNameProblem,
  brokerTopic,
  Fault,
  isRoom,
  principal,
  type Rules,
  type Scope,
} from "../../src/dialect/index.js";
import type { Echo } from "../../bridges/echo/session.js";
import { failures, ruled, spoilt, type Spoilt } from "./spoilt.js";

/** Logs in with these scopes. */
function withScopes(scopes: readonly Scope[]): Rules<Echo>["login"]["run"] {
  return async (session, { name, token }) => {
    const problem = agentNameProblem(name);
    if (problem !== undefined) throw new Fault("malformed", `name: ${problem}`);
    const { identity } = session.services;
    const shown = token === undefined ? undefined : await identity.bearer(token, "echo");
    const who = shown === undefined ? principal(name, "claimed") : await shown.speakFor(name);
    await session.admit({ ...who, scopes: new Set(scopes) });
    session.phase = "ready";
  };
}

/** A second login that takes another name, proved or not. */
function takesNames(trust: "claimed" | "proved"): ConformanceSubject {
  return ruled(({ login }) => ({
    login: {
      phase: "any",
      async run(session, said) {
        if (session.principal === undefined) await login.run(session, said);
        else await session.rename(principal(said.name, trust, { proof: `token:${said.name}` }));
      },
    },
  }));
}

const logins = "secrecy: tells nobody else of a login that is refused, nor of the token of any";
const sender = "conversation: tells who speaks, whatever a client writes as the sender";
const kinds = "robustness: shows what an agent says as its text, though it has the broker's kinds";
const second = "tokens: leaves a session what it is when it logs in a second time";
const rights = "tokens: gives no session a right that its token does not carry";
const proofs = "tokens: takes the agent's own token as a proof, the shared one and none not";

describe("the conformance suite fails a dialect that", () => {
  const dialects: Spoilt = {
    "takes another name by a second login": [takesNames("claimed"), second],
    "takes another name by a second login, as proved": [takesNames("proved"), second],
    "gives every session all rights": [
      ruled(() => ({ login: { phase: "greeting", run: withScopes(["operate", "inspect", "observe", "proxy"]) } })),
      rights,
    ],
    "gives every session one right that hardly shows": [
      ruled(() => ({ login: { phase: "greeting", run: withScopes(["proxy"]) } })),
      rights,
    ],
    "takes a login without a token for a proof": [
      ruled(({ login }) => ({
        login: {
          ...login,
          async run(session, said) {
            const { identity } = session.services;
            const isOpen = said.token === undefined && agentNameProblem(said.name) === undefined;
            if (!isOpen || identity.isProtected(said.name)) return login.run(session, said);
            await session.admit(principal(said.name, "proved", { proof: `token:${said.name}` }));
            session.phase = "ready";
          },
        },
      })),
      proofs,
    ],
    "takes the kind that an agent writes for the broker's word": [
      spoilt(({ render }) => ({
        render: {
          ...render,
          event(said, meta, session) {
            const from = said.content.kind === undefined ? said.from : brokerTopic;
            return render.event({ ...said, from }, meta, session);
          },
        },
      })),
      kinds,
    ],
    "says in rooms that the speaker is who it wrote that it is": [forging(isRoom), sender],
    "lets its clients speak as the broker": [forging((_to, from) => from === brokerTopic), sender],
    "says who speaks as it pleases": [
      spoilt(({ render }) => ({
        render: {
          ...render,
          event: (envelope, meta, session) => {
            const event = render.event(envelope, meta, session);
            return event?.type === "heard" ? { ...event, from: "carol" } : event;
          },
        },
      })),
      sender,
      kinds,
      second,
      "names: lets agents answer somebody whose name holds spaces, commas and colons",
      "names: carries text to and from an agent with such a name, or refuses its login",
    ],
    "lets any token in as proved": [
      ruled(() => ({
        login: {
          phase: "greeting",
          async run(session, { name }) {
            await session.admit(principal(name, "proved", { proof: `token:${name}` }));
            session.phase = "ready";
          },
        },
      })),
      logins,
      "tokens: lets nobody have a name that somebody else proves",
      "tokens: gives nobody a name that is the broker's, a room's or everybody's",
      "tokens: keeps a name for the session that has it and answers",
      "tokens: refuses a wrong token, and one that is somebody else's",
      proofs,
      "tokens: does not take over a name that is proved by another way",
    ],
  };
  for (const [what, [subject, ...cases]] of Object.entries(dialects))
    it(what, async () => {
      expect(await failures(subject)).toEqual(cases);
    });
});

/** Echo that believes what its client writes as the sender, where it says so. */
function forging(believes: (to: string, from: string) => boolean): ConformanceSubject {
  return spoilt((itself) => {
    const { commands, render } = itself;
    return {
      codec(session) {
        const codec = itself.codec(session);
        const written = (frame: string): object => JSON.parse(frame) as object; // the codec has read it before
        return {
          ...codec,
          decode: (frame) =>
            codec
              .decode(frame)
              .map((said) => (said instanceof Fault ? said : { ...written(frame.toString()), ...said })),
        };
      },
      commands: {
        ...commands,
        say: {
          ...commands.say,
          run(session, said) {
            const as = "from" in said && typeof said.from === "string" ? said.from : undefined;
            const isBelieved = as !== undefined && believes(said.to, as);
            session.say({ to: said.to, content: { message: said.text, ...(isBelieved && { data: { as } }) } });
          },
        },
      },
      render: {
        ...render,
        event(said, meta, session) {
          const event = render.event(said, meta, session);
          const { data } = said.content;
          const as = typeof data === "object" && data !== null && "as" in data ? String(data.as) : undefined;
          return event?.type === "heard" && as !== undefined ? { ...event, from: as } : event;
        },
      },
    };
  });
}
