import { describe, expect, it } from "vitest";
import type { ConformanceSubject } from "../../src/conformance/index.js";
import { Fault, isRoom, principal, type Dialect, type DialectService, type Session } from "../../src/dialect/index.js";
import type { EchoEvent } from "../../bridges/echo/schema.js";
import type { Echo } from "../../bridges/echo/session.js";
import { failures, ruled, spoilt, type Spoilt } from "./spoilt.js";

/** Echo that knows its other sessions. */
function gossiping(change: (itself: Dialect<Echo>, tell: Gossip) => Partial<Dialect<Echo>>): ConformanceSubject {
  let service: DialectService<Echo> | undefined; // of the world that was made last
  return spoilt((itself) => ({
    serve(given) {
      service = given;
      return () => undefined;
    },
    ...change(itself, (event, who) => {
      if (service !== undefined) service.broadcast(event, [...service.sessions()].filter(who));
    }),
  }));
}

type Gossip = (event: EchoEvent, who: (session: Session<Echo>) => boolean) => void;

function heard(from: string, to: string, text: string): EchoEvent {
  return { type: "heard", from, to, text, id: "x" };
}

const direct = "secrecy: shows a direct text, and that it was refused, to nobody else";
const strangers = "secrecy: lets a client that has not logged in hear nothing";
const outsiders =
  "secrecy: tells an outsider nothing of an invite-only room: not that it is there, who is in it, what is said";
const logins = "secrecy: tells nobody else of a login that is refused, nor of the token of any";
const beforeLogin = "conversation: refuses whatever is said before the login, tells nothing, and lets nobody in by it";

describe("the conformance suite fails a dialect that", () => {
  const dialects: Spoilt = {
    "shows every direct text to all others": [
      gossiping(({ commands }, tell) => ({
        commands: {
          ...commands,
          say: {
            ...commands.say,
            run(session, said) {
              void commands.say.run(session, said);
              const { principal: speaker } = session;
              if (isRoom(said.to) || speaker === undefined) return;
              const isOther = (other: Session<Echo>): boolean =>
                other.principal !== undefined && ![speaker.agent, said.to].includes(other.principal.agent);
              tell(heard(speaker.agent, said.to, said.text), isOther);
            },
          },
        },
      })),
      direct,
    ],
    "shows what is said in rooms to those who have not logged in": [
      gossiping(({ commands }, tell) => ({
        commands: {
          ...commands,
          say: {
            ...commands.say,
            run(session, said) {
              void commands.say.run(session, said);
              if (isRoom(said.to))
                tell(heard("somebody", said.to, said.text), (other) => other.principal === undefined);
            },
          },
        },
      })),
      strangers,
    ],
    "lists invite-only rooms": [
      ruled(({ list }) => ({
        list: {
          ...list,
          run(session) {
            const { directory } = session.services;
            const inspector = principal("x", "proved", { scopes: ["inspect"] });
            session.send({ type: "agents", names: directory.rooms(inspector).map(({ name }) => name) });
          },
        },
      })),
      outsiders,
    ],
    "lists who is in invite-only rooms": [
      ruled(({ list }) => ({
        list: {
          ...list,
          run(session) {
            const { directory } = session.services;
            const inspector = principal("x", "proved", { scopes: ["inspect"] });
            const names = directory.rooms(inspector).flatMap(({ name }) => directory.members(name, inspector));
            session.send({ type: "agents", names });
          },
        },
      })),
      outsiders,
    ],
    "tells everybody of a refused login, with its token": [
      gossiping((itself, tell) => ({
        refuse(fault, command, session) {
          if (command?.type === "login")
            tell({ type: "echo", text: `${command.name} tried ${command.token ?? ""}` }, () => true);
          return itself.refuse(fault, command, session);
        },
      })),
      logins,
    ],
    "tells everybody the tokens of those who come": [
      gossiping(({ commands }, tell) => ({
        commands: {
          ...commands,
          login: {
            ...commands.login,
            async run(session, said) {
              await commands.login.run(session, said);
              const isOther = (other: Session<Echo>): boolean => other !== session && other.principal !== undefined;
              tell({ type: "echo", text: said.token ?? "" }, isOther);
            },
          },
        },
      })),
      logins,
    ],
    "lists before the login": [ruled(({ list }) => ({ list: { ...list, phase: "any" } })), beforeLogin],
    "tells the past before the login": [
      ruled(({ join }) => ({
        join: {
          phase: "any",
          cost: 1,
          run(session, said) {
            if (session.principal !== undefined) return join.run(session, said);
            if (said.history === undefined) throw new Fault("unauthenticated", "log in first");
            for (const { from, to, content } of session.services.directory.history(said.room, said.history, undefined))
              session.send(heard(from, to, content.message));
          },
        },
      })),
      beforeLogin,
    ],
  };
  for (const [what, [subject, ...cases]] of Object.entries(dialects))
    it(what, async () => {
      expect(await failures(subject)).toEqual(cases);
    });
});
