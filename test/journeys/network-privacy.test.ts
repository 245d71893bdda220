import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { io } from "socket.io-client";
import { WebSocket } from "ws";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freeDoors, type Served } from "../cli/served.js";
import { eventually } from "../kit/broker.js";
import { filesBelow, heapTexts, Markers, startWatched } from "../kit/broker-memory.js";
import { runCli, type Program } from "../kit/cli.js";
import { BareClient, messageFrom, msgpack, SocketClient, system } from "../kit/network-clients.js";
import { earsAt, type Ears } from "../kit/network-ears.js";
import { NetworkTalker } from "../kit/network-talker.js";
import type { NetworkFrame } from "../kit/network-wire.js";
import { PanWire, panToken } from "../kit/pan-wire.js";

const room = "#lab";
const types = [
  "HANDSHAKE",
  "QUERY",
  "RESPONSE",
  "PROPOSAL",
  "CONFIRMATION",
  "REJECTION",
  "ENCRYPTED",
  "INFORM",
  "DANCE",
];

/** Long enough for V8 to keep it as a part of the frame that names it, if nobody copies it. */
const absent = "nobody-who-is-called-so";

/** A content with a word of its own in every place that some dialect reads. */
function contentOf(mark: (place: string) => string): Record<string, unknown> {
  return {
    requestId: mark("requestId"),
    proposalId: mark("proposalId"),
    queryType: mark("queryType"),
    parameters: { text: mark("parameters.text") },
    data: { text: mark("data.text") },
    message: mark("message"),
    text: mark("text"),
    reason: mark("reason"),
    encryptedData: Buffer.from(mark("encryptedData")).toString("base64"),
    [mark("a key")]: null,
  };
}

/** The rest of a frame with a word of its own wherever its sender chooses one. */
function headOf(mark: (place: string) => string, encrypted: boolean): Partial<NetworkFrame> {
  return {
    messageId: mark("messageId"),
    conversationId: mark("conversationId"),
    metadata: { priority: mark("priority").slice(0, 28), encrypted, [mark("metadata, a key")]: mark("metadata") },
    ...{ [mark("a field")]: mark("the value of a field"), text: mark("text"), message: mark("message") },
  };
}

describe("what two agents of Agent Network say to each other", () => {
  const markers = new Markers();
  const controls = new Markers();
  let home: string;
  let broker: Program;
  let served: Served;
  let alice: NetworkTalker;
  let bob: NetworkTalker;
  let ears: Ears;
  let heap: string;

  const enter = async (agent: string): Promise<NetworkTalker> => {
    const { stdout } = await served.cli("token", agent, "--jwt");
    return NetworkTalker.enter(`${served.at.ws}/agent-network/v1/connect`, agent, stdout.trim());
  };

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "synaptic-privacy-"));
    const dataDir = join(home, "data");
    heap = join(home, "heap");
    await mkdir(heap);
    const told = ["--log-messages", "--log-level", "debug", "--log-format", "json"];
    const limits = ["--limit", "networkRateBurst=1000"];
    const mail = ["--keep-mail", "bob", "dora"];
    broker = startWatched(heap, ["start", ...freeDoors, "--data-dir", dataDir, ...told, ...limits, ...mail]);
    await broker.prints(/broker status/);
    const files = filesBelow(dataDir);
    const at = JSON.parse(files.get("endpoints.json")?.toString() ?? "") as Record<"zmqIn" | "zmqOut" | "ws", [string]>;
    served = {
      home,
      dataDir,
      broker,
      at: { zmqIn: at.zmqIn[0], zmqOut: at.zmqOut[0], ws: at.ws[0] },
      cli: (...args) => runCli([...args, "--data-dir", dataDir]),
      end: async () => {
        await broker.stop();
        await rm(home, { recursive: true, force: true });
      },
    };
    alice = await enter("alice");
    bob = await enter("bob");
    await alice.asks("room.create", { room, durable: true });
    for (const wire of [alice, bob]) await wire.asks("ROOM_JOIN", { room });
    const say = (text: string): void => void alice.say(room, "INFORM", { text });
    ears = await earsAt({ served, names: ["alice", "bob"], room, say });
    await ears.hear();
  });
  afterAll(async () => {
    await served.end();
  });

  it("reaches the other byte for byte, of every type, sealed or not", async () => {
    for (const messageType of types)
      for (const encrypted of [false, true]) {
        const mark = (place: string): string =>
          markers.make(`${messageType} ${encrypted ? "encrypted" : "plain"} ${place}`);
        const [from, to] = encrypted ? [bob, alice] : [alice, bob];
        const frame = from.say(to.agent, messageType, contentOf(mark), headOf(mark, encrypted));
        const ofIt = ({ messageId }: NetworkFrame): boolean => messageId === frame.messageId;
        await to.hears(ofIt);
        expect(to.texts.at(-1)).toBe(JSON.stringify(frame));
        await from.hears(({ content }) => content["messageId"] === frame.messageId);
      }
  });

  it("is said in each encoding, to agents of each, and what none of them takes as well", async () => {
    const tokens = await Promise.all(["maya", "sol"].map((agent) => served.cli("token", agent, "--jwt")));
    const [mayas = "", sols = ""] = tokens.map(({ stdout }) => stdout.trim());
    const maya = new BareClient(
      new WebSocket(`${served.at.ws}/agent-network/v1/connect`, "agent-network.v1.msgpack", {
        headers: { authorization: `Bearer ${mayas}` },
      }),
    );
    await maya.hears(system("CONNECTED"));
    const auth = { token: sols, agentId: "sol" };
    const sol = new SocketClient(io(served.at.ws.replace("ws:", "http:"), { transports: ["websocket"], auth }));
    await sol.hears("connect");
    const messageOf = (from: string, to: string): Readonly<Record<string, unknown>> => {
      const mark = (place: string): string => markers.make(`from ${from} to ${to}: ${place}`);
      return messageFrom(from, to, { ...headOf(mark, true), messageType: "ENCRYPTED", content: contentOf(mark) });
    };
    for (const to of ["sol", "alice", "maya"]) {
      maya.packs([
        messageOf("maya", to),
        { ...messageOf("maya", to), content: { bytes: Buffer.from(markers.make(to)) } },
      ]);
      for (let at = 0; at < 2; at += 1) await maya.hears(system("ACK"));
      sol.socket.emit("message", JSON.stringify(messageOf("sol", to)));
      await sol.hears("ack");
    }
    for (const to of ["maya", "sol"]) {
      const frame = messageOf("alice", to);
      alice.socket.send(JSON.stringify(frame));
      await alice.hears(({ content }) => content["messageId"] === frame["messageId"]);
    }
    maya.says(msgpack.packr.pack(messageOf("maya", "sol")).subarray(0, -1));
    maya.says(JSON.stringify(messageOf("maya", "sol")));
    sol.socket.emit("message", JSON.stringify(messageOf("sol", "maya")).slice(0, -1));
    sol.socket.emit("message", JSON.stringify(messageOf("maya", "sol")));
    for (let at = 0; at < 2; at += 1) {
      await maya.hears(system("ERROR"));
      await sol.hears("error");
    }
    sol.socket.disconnect();
    maya.socket.close();
    await maya.closed;
  });

  it("or is refused, and what was refused is forgotten as well", async () => {
    const refused = async (about: string, say: (mark: (place: string) => string) => void): Promise<NetworkFrame> => {
      say((place) => markers.make(`${about}: ${place}`));
      return alice.hearsOf("system", "ERROR");
    };
    const sealed = (to: string) => (mark: (place: string) => string) =>
      alice.say(to, "ENCRYPTED", contentOf(mark), headOf(mark, true));
    for (const [to, code] of [
      ["pia", "ENCRYPTION_ERROR"],
      ["dora", "RECIPIENT_NOT_FOUND"],
      [room, "ENCRYPTION_ERROR"],
      ["all", "ENCRYPTION_ERROR"],
      [absent, "RECIPIENT_NOT_FOUND"],
    ] as const)
      expect((await refused(`sealed, to ${to}`, sealed(to))).content["errorCode"]).toBe(code);
    for (const messageType of types.filter((type) => type !== "HANDSHAKE" && type !== "ENCRYPTED")) {
      const { content } = await refused(`${messageType}, plain, to nobody`, (mark) =>
        alice.say(absent, messageType, contentOf(mark), headOf(mark, false)),
      );
      expect(content["errorCode"]).toBe("RECIPIENT_NOT_FOUND");
    }
    await refused("in another's name", (mark) =>
      alice.say("bob", "QUERY", contentOf(mark), { ...headOf(mark, true), senderId: "bob" }),
    );
    for (const [about, spoil] of [
      ["half a frame", (text: string) => text.slice(0, -1)],
      ["two senders", (text: string) => `{"senderId":"alice",${text.slice(1)}`],
      [
        "too many fields",
        (text: string) => `{${Array.from({ length: 80 }, (_, at) => `"k${at}":0,`).join("")}${text.slice(1)}`,
      ],
      ["no header", (text: string) => `{"content":${text}}`],
    ] as const)
      await refused(about, (mark) => {
        const frame = { senderId: "alice", recipientId: "bob", messageType: "QUERY", content: contentOf(mark) };
        alice.socket.send(spoil(JSON.stringify({ ...frame, timestamp: 0, ...headOf(mark, true) })));
      });
    await refused("binary", (mark) => {
      alice.socket.send(Buffer.from(JSON.stringify(contentOf(mark))));
    });
  });

  it("or is dropped because the other does not read, which its sender is told", async () => {
    bob.socket.pause();
    const dropped = alice.hearsOf("system", "ERROR");
    const filler = "x".repeat(56_000);
    let over: NetworkFrame | undefined;
    void dropped.then((error) => (over = error));
    for (let sent = 0; over === undefined && sent < 400; sent += 1) {
      const mark = (place: string): string => markers.make(`unread: ${place}`);
      alice.say("bob", "ENCRYPTED", { ...contentOf(mark), filler }, headOf(mark, true));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await dropped).content["errorCode"]).toBe("MESSAGE_ERROR");
    bob.socket.resume();
    await bob.settled();
  });

  it("lies nowhere while they are here: no tap, log, file, backup, list, page or text of the memory has any of it", async () => {
    const backup = join(home, "backup");
    expect(await served.cli("backup", backup)).toMatchObject({ code: 0 });
    const asked = [
      ["status", "--json"],
      ["agents", "--json"],
      ["rooms", "--json"],
      ["mailbox", "list", "--json"],
      ["mailbox", "show", "bob", "--json"],
      ["mailbox", "peek", "bob", "--json"],
      ["mailbox", "peek", "dora", "--json"],
      ["mailbox", "dead", "bob", "--json"],
      ["token", "list", "--json"],
      ["doctor"],
    ];
    for (const args of asked) {
      const { stdout, stderr } = await served.cli(...args);
      expect([args, markers.in(stdout + stderr)]).toEqual([args, []]);
    }
    for (const page of ["/", "/metrics", "/healthz", "/readyz"]) {
      const answer = await fetch(`${served.at.ws.replace("ws", "http")}${page}`);
      expect([page, markers.in(await answer.text())]).toEqual([page, []]);
    }
    for (const each of [room, "#general"])
      expect(markers.in(JSON.stringify(await bob.asks("room.history", { room: each, count: 20 })))).toEqual([]);
    await ears.hear();
    for (const [who, what] of ears.heard()) expect([who, markers.in(what)]).toEqual([who, []]);
    for (const folder of [served.dataDir, backup])
      for (const [file, bytes] of filesBelow(folder)) expect([file, markers.in(bytes)]).toEqual([file, []]);
    // Three alike that come at once, and nothing after them.
    const conversationId = markers.make("the conversation of the last");
    for (const at of ["first", "second", "last"]) {
      const mark = (place: string): string => markers.make(`${at} of all: ${place}`);
      alice.say("bob", "ENCRYPTED", contentOf(mark), {
        metadata: { encrypted: true },
        messageId: mark("messageId"),
        conversationId,
      });
    }
    await Promise.all([0, 1, 2].map(() => alice.hearsOf("system", "ACK")));
    let texts = (await heapTexts(broker, heap)).join("\n");
    expect(texts).toContain(absent); // of whose coming alice is to be told
    // An ACK may be here before the turn of the loop that wrote it has ended. What stays after it stays for good.
    if (markers.in(texts).length > 0) texts = (await heapTexts(broker, heap)).join("\n");
    expect(markers.in(texts)).toEqual([]);
  });

  it("is found by this search wherever it is said to others: to PAN, to a mailbox, in a name", async () => {
    const [pia, dora, name] = ["said to pia", "said to dora", "a name"];
    alice.say("pia", "INFORM", { text: controls.make(pia) });
    alice.say("dora", "INFORM", { text: controls.make(dora) });
    const pan = await PanWire.login(`${served.at.ws}/pan`, "pete", panToken(served.dataDir), controls.make(name));
    const hears = (who: string): readonly string[] => controls.in(ears.heard().get(who) ?? "");
    for (const who of ["inspect", "claimed", "broker tap", "pan"])
      await eventually(() => hears(who).includes(pia), `${who} hears it`);
    await ears.hear();
    for (const who of ["observe", "control", "approve", "edit", "operate", "agentchat"])
      expect([who, hears(who).includes(pia)]).toEqual([who, false]);
    const files = [...filesBelow(served.dataDir).values()];
    expect(files.flatMap((bytes) => controls.in(bytes))).toContain(dora);
    expect(controls.in((await heapTexts(broker, heap)).join("\n"))).toContain(name);
    pan.close();
  });

  it("lies in no text of the broker's memory when they have gone, and in nothing that it has left behind", async () => {
    alice.say(
      "system",
      "DISCONNECT",
      contentOf((place) => markers.make(`farewell ${place}`)),
    );
    await alice.closed;
    bob.close();
    await ears.close();
    await eventually(async () => !(await served.cli("agents", "--json")).stdout.includes('"bob"'), "bob has gone");
    const texts = (await heapTexts(broker, heap)).join("\n");
    expect(texts).toContain("alice"); // a name that is remembered
    expect(markers.in(texts)).toEqual([]);
    const { stdout, stderr } = await broker.stop();
    expect(controls.in(stderr)).toEqual(["said to pia", "said to dora"]);
    expect(markers.in(stdout + stderr)).toEqual([]);
    for (const [file, bytes] of filesBelow(home)) expect([file, markers.in(bytes)]).toEqual([file, []]);
  });
});
