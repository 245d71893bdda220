import { Subscriber } from "zeromq";
import type { Served } from "../cli/served.js";
import { ChatWire } from "./chat-wire.js";
import { startCli, type Program } from "./cli.js";
import { PanWire, panToken } from "./pan-wire.js";

/** Everybody who could overhear somebody at a broker. */
export interface Ears {
  /** All that each has heard, as it came, by who it is. */
  heard(): ReadonlyMap<string, string>;
  /** Resolves when each hears what is said in public: none of them is deaf. */
  hear(): Promise<void>;
  close(): Promise<void>;
}

/** Where the ears listen, and for whom. */
interface Place {
  readonly served: Served;
  readonly names: readonly string[];
  readonly room: string;
  /** Says something that everybody in the room and every tap hears. */
  readonly say: (text: string) => void;
}

const scopes = ["observe", "inspect", "control", "approve", "edit", "operate"] as const;

/** A tap of ZeroMQ: plain libzmq, every part of every message is kept. */
class Tap {
  readonly parts: string[] = [];
  readonly #socket = new Subscriber({ linger: 0 });

  constructor(url: string, topics: readonly string[], login?: { readonly name: string; readonly token: string }) {
    if (login !== undefined) {
      this.#socket.plainUsername = login.name;
      this.#socket.plainPassword = login.token;
    }
    this.#socket.connect(url);
    this.#socket.subscribe(...topics);
    void this.#read();
  }

  close(): void {
    this.#socket.close();
  }

  async #read(): Promise<void> {
    for await (const parts of this.#socket) this.parts.push(...parts.map(String));
  }
}

/**
 * Taps with every scope (none on this machine, each alone, all together, the operator's), prefixes, sessions of PAN and
 * AgentChat in the same room, and whoever subscribes to the names themselves.
 */
export async function earsAt({ served, names, room, say }: Place): Promise<Ears> {
  const { cli, at, dataDir } = served;
  const taps = new Map<string, Tap>();
  const prefixes = names.map((name) => name.slice(0, -1));
  taps.set("claimed", new Tap(at.zmqOut, [""]));
  taps.set("claimed, the names", new Tap(at.zmqOut, [...names, ...prefixes, room, "all"]));
  for (const rights of [...scopes.map((scope) => [scope]), [...scopes]]) {
    const name = `tap-${rights.join("-")}`;
    const { stdout: token } = await cli("token", name, "--zmq", "--scope", ...rights);
    taps.set(rights.join(" "), new Tap(at.zmqOut, ["", ...names, room], { name, token: token.trim() }));
  }
  const operator: Program = startCli(["tap", "--all", "--json", "--data-dir", dataDir]);
  await operator.tells(/listening to/);
  const pan = await PanWire.login(`${at.ws}/pan`, "pia", panToken(dataDir));
  const heardByPan: string[] = [];
  pan.socket.on("message", (data: Buffer) => heardByPan.push(data.toString()));
  pan.say({ type: "join", room });
  await pan.settled();
  const chat = await ChatWire.enter(`${at.ws}/agentchat`, "chas");
  const heardByChat: string[] = [];
  chat.socket.on("message", (data: Buffer) => heardByChat.push(data.toString()));
  chat.say({ type: "JOIN", channel: room });
  await chat.hears(({ type }) => type === "JOINED");

  let told = "";
  operator.process.stdout?.on("data", (text: Buffer) => (told += text.toString()));
  const heard = (): ReadonlyMap<string, string> =>
    new Map([
      ...[...taps].map(([who, tap]) => [who, tap.parts.join("\n")] as const),
      ["broker tap", told],
      ["pan", heardByPan.join("\n")],
      ["agentchat", heardByChat.join("\n")],
    ]);
  /** Those whom a public room tells nothing: their scopes are for other things. */
  const deaf = new Set(scopes.filter((scope) => scope !== "observe" && scope !== "inspect").map(String));
  return {
    heard,
    async hear() {
      for (let round = 0; ; round += 1) {
        const text = `are you listening ${round}`;
        say(text);
        await new Promise((resolve) => setTimeout(resolve, 100));
        const missing = [...heard()].filter(([who, what]) => !deaf.has(who) && !what.includes("are you listening"));
        if (missing.length === 0) return;
        if (round > 200) throw new Error(`deaf: ${missing.map(([who]) => who).join(", ")}`);
      }
    },
    async close() {
      for (const tap of taps.values()) tap.close();
      pan.close();
      chat.socket.terminate();
      await operator.stop("SIGINT");
    },
  };
}
