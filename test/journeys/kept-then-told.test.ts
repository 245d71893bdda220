import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keyFor, type TestKey } from "../kit/agentchat-keys.js";
import { eventually } from "../kit/broker.js";
import { ChatWire, type ChatFrame } from "../kit/chat-wire.js";
import { runCli, startCli, type Program } from "../kit/cli.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { repetitions } from "../kit/repetitions.js";
import { issueToken } from "../kit/tokens.js";
import { greeting, hello, RawPeer, ready } from "../zeromq/wire/raw-peer.js";

/** A broker process, and where it can be reached. */
interface Server {
  readonly program: Program;
  readonly dataDir: string;
  readonly zmqIn: string;
  readonly zmqOut: string;
  readonly chat: string;
  readonly pan: string;
}

/** Looks, in the next life of the broker, whether the right is there that was told of. */
type Check = (server: Server) => Promise<void>;

/** An answer that gives or keeps a right: done and heard, and the broker is killed upon it. `name` is a new one. */
type Answer = (server: Server, name: string) => Promise<Check>;

const wires: (ChatWire | PanWire | PlainAgent | RawPeer)[] = [];

async function stranger({ chat }: Server): Promise<ChatWire> {
  const wire = await ChatWire.enter(chat, "stranger");
  wires.push(wire);
  return wire;
}

/** Somebody whose key is known here or not; resolves when its proof is answered. */
async function keyed({ chat }: Server, key: TestKey): Promise<ChatWire> {
  const wire = await ChatWire.open(chat);
  wires.push(wire);
  return wire.identifies("party", key);
}

/** An agent on ZeroMQ with a token of its own. */
async function proved(server: Server, name: string): Promise<PlainAgent> {
  const token = await issueToken(server.dataDir, name, "zmq");
  const agent = new PlainAgent(name, server, { token });
  wires.push(agent);
  return agent.meet();
}

async function says(wire: ChatWire, frame: ChatFrame, answer: string): Promise<ChatFrame> {
  wire.say(frame);
  return wire.hears(({ type }) => type === answer || type === "ERROR");
}

const isInviteOnly =
  (channel: string): Check =>
  async (server) => {
    const wire = await stranger(server);
    expect(await says(wire, { type: "JOIN", channel }, "JOINED")).toMatchObject({ code: "NOT_INVITED" });
    expect(await says(wire, { type: "CREATE_CHANNEL", channel }, "JOINED")).toMatchObject({ code: "CHANNEL_EXISTS" });
  };

/** Nobody gets in under the name with the shared token, though its own token is taken back. */
const isClosedWithoutToken =
  (name: string): Check =>
  async ({ pan, dataDir }) => {
    const unproved = `${name}-unproved`;
    await issueToken(dataDir, unproved, "ws");
    for (const one of [name, unproved]) await runCli(["token", "revoke", one, "--data-dir", dataDir]);
    const entered = async (agent: string): Promise<boolean> => {
      const wire = await PanWire.open(pan);
      wires.push(wire);
      wire.say({ type: "auth", agentId: agent, token: panToken(dataDir) });
      return (await wire.hears(({ type }) => type === "error" || type === "system")).type === "system";
    };
    await eventually(() => entered(unproved), "both tokens are forgotten");
    expect(await entered(name)).toBe(false);
  };

function offer(by: TestKey, to: TestKey, task: string): ChatFrame {
  return { type: "PROPOSAL", to: `@${to.id}`, task, sig: by.signs(`@${to.id}|${task}||||`) };
}

const step = (type: string, by: TestKey, id: string): ChatFrame => ({
  type,
  proposal_id: id,
  sig: by.signs(`${type}|${id}|`),
});

const answers: Readonly<Record<string, Answer>> = {
  "an invite-only channel is made": async (server, name) => {
    const channel = `#${name}`;
    const owner = keyFor(name);
    const wire = await keyed(server, owner);
    expect(await says(wire, { type: "CREATE_CHANNEL", channel, invite_only: true }, "JOINED")).toMatchObject({
      channel,
    });
    return async (again) => {
      await isInviteOnly(channel)(again);
      expect(await says(await keyed(again, owner), { type: "JOIN", channel }, "JOINED")).toMatchObject({ channel });
    };
  },

  "an invitation is given": async (server, name) => {
    const channel = `#${name}`;
    const guest = keyFor(`guest of ${name}`);
    const wire = await keyed(server, keyFor(name));
    const invited = await keyed(server, guest);
    await says(wire, { type: "CREATE_CHANNEL", channel, invite_only: true }, "JOINED");
    wire.say({ type: "INVITE", channel, agent: `@${guest.id}` });
    await invited.hears(({ type, from }) => type === "MSG" && from === "@server");
    return async (again) => {
      expect(await says(await keyed(again, guest), { type: "JOIN", channel }, "JOINED")).toMatchObject({ channel });
    };
  },

  "a key is proved": async (server, name) => {
    const key = keyFor(name);
    await keyed(server, key);
    return async ({ chat }) => {
      const wire = await ChatWire.open(chat);
      wires.push(wire);
      wire.say({ type: "IDENTIFY", name: "thief", pubkey: key.spki });
      expect(await wire.hears(({ type }) => type === "WELCOME" || type === "CHALLENGE")).toMatchObject({
        type: "CHALLENGE",
      });
      wire.say({ type: "JOIN", channel: "#general" });
      expect(await wire.hears(({ type }) => type === "ERROR" || type === "JOINED")).toMatchObject({ type: "ERROR" });
    };
  },

  "a proposal is made": async (server, name) => {
    const [one, other] = [keyFor(`one of ${name}`), keyFor(`other of ${name}`)];
    const proposer = await keyed(server, one);
    const proposee = await keyed(server, other);
    proposer.say(offer(one, other, name));
    const { id } = await proposee.hears(({ type }) => type === "PROPOSAL");
    return async (again) => {
      const accepted = await says(await keyed(again, other), step("ACCEPT", other, String(id)), "ACCEPT");
      expect(accepted).toMatchObject({ type: "ACCEPT", status: "accepted" });
    };
  },

  "a proposal is accepted": async (server, name) => {
    const [one, other] = [keyFor(`one of ${name}`), keyFor(`other of ${name}`)];
    const proposer = await keyed(server, one);
    const proposee = await keyed(server, other);
    proposer.say(offer(one, other, name));
    const { id } = await proposee.hears(({ type }) => type === "PROPOSAL");
    proposee.say(step("ACCEPT", other, String(id)));
    await proposer.hears(({ type }) => type === "ACCEPT");
    return async (again) => {
      const completed = await says(await keyed(again, one), step("COMPLETE", one, String(id)), "COMPLETE");
      expect(completed).toMatchObject({ type: "COMPLETE", status: "completed" });
    };
  },

  "a message is confirmed": async (server, name) => {
    const [one, other] = [keyFor(`one of ${name}`), keyFor(`other of ${name}`)];
    const wire = await keyed(server, one);
    await keyed(server, other);
    const said = { type: "MSG", to: `@${other.id}`, content: name, msg_id: name };
    wire.say(said);
    await wire.text(name);
    return async (again) => {
      const hearer = await keyed(again, other);
      const speaker = await keyed(again, one);
      speaker.say(said);
      await speaker.text(name);
      speaker.say({ type: "MSG", to: `@${other.id}`, content: "the next", msg_id: `${name} next` });
      await hearer.text("the next");
      expect(
        hearer.frames.filter(({ content }) => content === name),
        "it is not told twice",
      ).toEqual([]);
    };
  },

  "an invite-only room is made at the desk": async (server, name) => {
    const room = `#${name}`;
    const owner = await proved(server, name);
    expect(await owner.asks("room.create", { room, invite_only: true })).toMatchObject({ type: "response" });
    return isInviteOnly(room);
  },

  "an invitation is answered by the desk": async (server, name) => {
    const room = `#${name}`;
    const guest = keyFor(`guest of ${name}`);
    const owner = await proved(server, name);
    await keyed(server, guest);
    await owner.asks("room.create", { room, invite_only: true });
    expect(await owner.asks("room.invite", { room, agent: guest.id })).toMatchObject({ type: "response" });
    return async (again) => {
      const joined = await says(await keyed(again, guest), { type: "JOIN", channel: room }, "JOINED");
      expect(joined).toMatchObject({ channel: room });
    };
  },

  "a name is proved on ZeroMQ": async (server, name) => {
    const password = await issueToken(server.dataDir, name, "zmq");
    const peer = await RawPeer.connect(server.zmqOut);
    wires.push(peer);
    peer.send(greeting("PLAIN"), hello(name, password), ready("SUB", {}, "INITIATE"));
    await peer.read(64);
    for (const wanted of [/WELCOME/, /READY/]) expect((await peer.frame()).body.toString("latin1")).toMatch(wanted);
    return isClosedWithoutToken(name);
  },

  "a name is proved in PAN": async (server, name) => {
    const token = await issueToken(server.dataDir, name, "ws");
    wires.push(await PanWire.login(server.pan, name, token));
    return isClosedWithoutToken(name);
  },

  "a token is printed": async ({ dataDir }, name) => {
    const issuing = startCli(["token", name, "--zmq", "--json", "--data-dir", dataDir]);
    const { zmq: token } = JSON.parse(await issuing.prints(/\}\n/)) as { readonly zmq: string };
    await issuing.stop("SIGKILL");
    return async (again) => {
      const agent = new PlainAgent(name, again, { token });
      wires.push(agent);
      await agent.meet();
    };
  },

  "a token is taken back": async ({ dataDir }, name) => {
    await issueToken(dataDir, name, "zmq");
    const revoking = startCli(["token", "revoke", name, "--json", "--data-dir", dataDir]);
    await revoking.prints(/\}\n/);
    await revoking.stop("SIGKILL");
    return async () => {
      const { stdout } = await runCli(["token", "list", "--json", "--data-dir", dataDir]);
      expect(stdout).not.toContain(`"${name}"`);
    };
  },
};

describe("a broker that is killed as soon as it has answered", () => {
  let dataDir: string;
  let server: Server | undefined;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "synaptic-kept-"));
  });
  afterEach(async () => {
    await kill();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function start(): Promise<Server> {
    const doors = ["--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0", "--ws", "127.0.0.1:0"];
    const program = startCli([
      ...["start", "--json", "--data-dir", dataDir, ...doors],
      ...["--limit", "agentchatRatePerSecond=0", "--limit", "startHoldMs=0", "--limit", "publisherDoorDelayMs=0"],
    ]);
    const ready = JSON.parse(await program.prints(/\n/)) as Record<"zmqIn" | "zmqOut" | "ws", readonly string[]>;
    const [zmqIn = "", zmqOut = "", ws = ""] = [ready.zmqIn[0], ready.zmqOut[0], ready.ws[0]];
    server = { program, dataDir, zmqIn, zmqOut, chat: `${ws}/agentchat`, pan: `${ws}/pan` };
    return server;
  }

  async function kill(): Promise<void> {
    const ended = server?.program.stop("SIGKILL");
    for (const wire of wires.splice(0)) wire.close();
    await ended;
    server = undefined;
  }

  it(
    "has the right that it told of when it is started again",
    async () => {
      const checks: [string, Check][] = [];
      const rounds = repetitions(1, 3);
      for (let round = 0; round < rounds; round += 1) {
        for (const [title, answer] of Object.entries(answers)) {
          const check = await answer(await start(), `n${String(round)}-${String(checks.length)}`);
          await kill();
          checks.push([`${title}, round ${String(round)}`, check]);
        }
      }
      const last = await start();
      for (const [title, check] of checks)
        await check(last).catch((thrown: unknown) => {
          throw new Error(`not kept: ${title}`, { cause: thrown });
        });
    },
    repetitions(90_000, 180_000),
  );
});
