// A dialect in a file of its own, for a broker that is installed: fields with bars between them, no JSON.
//
//   broker start --dialect ./bar-dialect.mjs        then connect to ws://127.0.0.1:8080/bar and say
//   hello|ada|TOKEN      log in; without a token the name is only claimed
//   say|bob|good morning text to an agent, to #room or to all
//   in|#tea|5 · out|#tea join a room and hear its last 5 messages · leave it
//   who                  who is here
//
// The broker answers: hi|ada · from|bob|ada|good morning · in|#tea|ada · out|#tea|ada · here|ada|bob · no|CODE|why
import { agentNameProblem, brokerTopic, Fault, defineDialect, limit, listCost, principal } from "synaptic-core/dialect";
import { z } from "zod";

/** Fields may hold any text: a bar, a backslash and a line feed are written as \p, \\ and \n. */
const join = (...fields) => fields.map((field) => field.replace(/[\\|\n]/g, (char) => escapes[char])).join("|");
export const split = (frame) =>
  frame.split("|").map((field) => field.replace(/\\([\\pn])/g, (_all, letter) => letters[letter]));
const escapes = { "\\": "\\\\", "|": "\\p", "\n": "\\n" };
const letters = { "\\": "\\", p: "|", n: "\n" };

/** How many fields each command has, at least and at most. */
const shapes = { hello: [1, 2], say: [2, 2], in: [1, 2], out: [1, 1], who: [0, 0] };

function decode(frame) {
  if (typeof frame !== "string") throw new Fault("malformed", "send text frames, not binary ones");
  const [type = "", ...fields] = split(frame);
  if (!Object.hasOwn(shapes, type))
    throw new Fault("unsupported", `there is no ${type}: say hello, say, in, out or who`);
  const [least, most] = shapes[type];
  if (fields.length < least || fields.length > most)
    throw new Fault("malformed", `${type} has ${least === most ? least : `${least} or ${most}`} fields`);
  return [{ type, fields }];
}

/** A name, or why it cannot be one. */
function nameIn([name]) {
  const problem = agentNameProblem(name);
  if (problem !== undefined) throw new Fault("malformed", `the name ${problem}`);
  return name;
}

const tell = (session, word, room) => session.send([word, room, session.principal.agent]);

/** When each command may be said, what it costs, and what it does. */
const commands = {
  hello: {
    phase: "greeting",
    async run(session, { fields }) {
      const [name, token] = [nameIn(fields), fields[1]];
      const { identity } = session.services;
      const shown = token === undefined ? undefined : await identity.bearer(token, "bar");
      await session.admit(shown === undefined ? principal(name, "claimed") : await shown.speakFor(name));
    },
  },
  say: {
    phase: "ready",
    cost: 1,
    run(session, { fields: [to, message] }) {
      session.say({ to, content: { message } });
    },
  },
  in: {
    phase: "ready",
    cost: 1,
    run(session, { fields: [room, past = "0"] }) {
      if (!/^\d{1,3}$/.test(past)) throw new Fault("malformed", "the second field of in is a whole number");
      session.join(room, { create: true, history: Number(past) });
      tell(session, "in", room);
    },
  },
  out: {
    phase: "ready",
    cost: 1,
    run(session, { fields: [room] }) {
      session.leave(room);
      tell(session, "out", room);
    },
  },
  who: {
    phase: "ready",
    cost: (_command, { services: { directory } }) => listCost(directory.agentCount),
    run(session) {
      session.send(["here", ...session.services.directory.agents().map(({ name }) => name)]);
    },
  },
};

/** A core message in this dialect's words; only the broker tells of faults and of who comes and goes. */
function eventOf({ from, to, content: { kind, data, message } }) {
  if (from !== brokerTopic) return ["from", from, to, message];
  if (kind === "room.joined" || kind === "room.left")
    return [kind === "room.joined" ? "in" : "out", String(data?.room), String(data?.agent)];
  return kind === "fault" ? ["no", String(data?.code ?? "internal"), message] : ["from", from, to, message];
}

export default defineDialect({
  name: "bar",
  title: "Bar",
  paths: ["/bar"],
  subprotocols: ["bar.v1"],
  recognise: (frame) => typeof frame === "string" && frame.startsWith("hello|"),
  initialPhase: "greeting",
  limits: z.object({ barPerSecond: limit(5, "Bar: messages per second of one agent.") }),
  open: () => ({}),
  codec: () => ({ decode, encode: (event) => join(...event) }),
  commands,
  rate: {
    refusal: "too fast; say it again later",
    buckets: ({ limits: { barPerSecond } }) => [{ owner: "agent", rate: { perSecond: barPerSecond, burst: 10 } }],
  },
  render: { variant: () => "", event: eventOf },
  greet(session) {
    session.phase = "ready";
    session.send(["hi", session.principal.agent]);
  },
  refuse({ code, message, fatal }) {
    const reply = ["no", code, message];
    return fatal || code === "going-away"
      ? { reply, close: { code: code === "going-away" ? 1001 : 1008, reason: code } }
      : { reply };
  },
  phrasebook: {
    login: (name, token) => [token === undefined ? join("hello", name) : join("hello", name, token)],
    welcomed: (frame) => (String(frame).startsWith("hi|") ? split(String(frame))[1] : undefined),
    say: (to, text) => join("say", to, text),
    textOf: (frame) => (String(frame).startsWith("from|") ? split(String(frame))[3] : undefined),
    refusalOf(frame) {
      const [word, code = "", message = ""] = split(String(frame));
      return word === "no" ? { code, message } : undefined;
    },
    perSecond: 5,
  },
});
