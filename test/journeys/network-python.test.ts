import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SecureAgentSocket, type SecurityEvent } from "../../clients/typescript/agent-network/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { startPythonAgent, type PythonAgent } from "../kit/network-python.js";
import { issueToken } from "../kit/tokens.js";

describe("the clients in TypeScript and Python", () => {
  let folder: string;
  let at: TestBroker;
  let cleanup: (() => Promise<unknown>)[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "synaptic-network-python-"));
    at = await startBroker({ dataDir: join(folder, "data") });
    cleanup = [];
  });

  afterEach(async () => {
    for (const end of cleanup.reverse()) await end();
    await at.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const url = (): string => at.pan.replace(/\/pan$/, "/agent-network/v1/connect");

  async function node(name: string, passphrase?: string): Promise<Heard> {
    const token = await issueToken(at.dataDir, name, "ws");
    const kept = passphrase === undefined ? {} : { passphrase, store: join(folder, name) };
    const socket = new SecureAgentSocket(url(), token, name, kept);
    const heard: Heard = { socket, texts: [], events: [], close: () => socket.close() };
    socket.handle("QUERY", (query, message) =>
      socket.respond(message, { data: { text: `${name} heard ${String(query.parameters["text"])}`, number: 1e-7 } }),
    );
    socket.handle("PROPOSAL", (_proposal, message) => socket.confirm(message, { calendarEventId: "evt_ts" }));
    socket.handle("INFORM", ({ text }) => void heard.texts.push(text));
    socket.onSecurityEvent = (event) => heard.events.push(event);
    cleanup.push(() => socket.close());
    await socket.connect();
    return heard;
  }

  async function python(name: string, store?: string): Promise<PythonAgent & { readonly fingerprint: unknown }> {
    const token = await issueToken(at.dataDir, name, "ws");
    const agent = startPythonAgent({
      url: url(),
      token,
      name,
      ...(store === undefined ? {} : { store: join(folder, store) }),
    });
    cleanup.push(() => agent.end("SIGKILL"));
    return { ...agent, fingerprint: await agent.tells("fingerprint") };
  }

  it("seal, answer and agree, whoever speaks first", async () => {
    const [alice, py] = [await node("agent_alice"), await python("agent_py")];
    const answer = await alice.socket.query("agent_py", "CUSTOM", { text: "hällo 😀" });
    expect(answer).toEqual({ text: "agent_py heard hällo 😀", number: 1e21, sealed: true });
    expect(await alice.socket.fingerprintOf("agent_py")).toBe(py.fingerprint);
    expect((await alice.socket.propose("agent_py", { title: "Coffee" })).status).toBe("ACCEPTED");

    await node("agent_carol");
    py.say({ do: "query", to: "agent_carol", text: "and you?" });
    expect(await py.tells("answer")).toEqual({ text: "agent_carol heard and you?", number: 1e-7 });
    py.say({ do: "propose", to: "agent_carol" });
    expect(await py.tells("decision")).toBe("CONFIRMATION");
    expect(alice.events).toEqual([]);
  });

  it("agree on a key when both begin at once, and when both make new ones at once", async () => {
    const [alice, py] = [await node("agent_alice"), await python("agent_py")];
    py.say({ do: "query", to: "agent_alice", text: "1" });
    expect(await alice.socket.query("agent_py", "CUSTOM", { text: "2" })).toMatchObject({ text: "agent_py heard 2" });
    expect(await py.tells("answer")).toMatchObject({ text: "agent_alice heard 1" });
    py.say({ do: "rotate" });
    await Promise.all([alice.socket.rotate(), py.tells("rotated")]);
    py.say({ do: "inform", to: "agent_alice", texts: ["a", "b", "c"] });
    for (const text of ["x", "y", "z"]) await alice.socket.inform("agent_py", text);
    for (const text of ["x", "y", "z"]) expect(await py.tells("heard")).toBe(text);
    await eventually(() => alice.texts.length >= 3, "the last is heard");
    expect(alice.texts).toEqual(["a", "b", "c"]);
    expect(alice.events).toEqual([]);
  });

  it("lose nothing and double nothing when either side, or the broker, ends in the middle", async () => {
    let alice = await node("agent_alice", "ts");
    let py = await python("agent_py", "py.db");
    await alice.socket.inform("agent_py", "n0");
    expect(await py.tells("heard")).toBe("n0");
    await eventually(
      () => alice.socket.pendingMessages.size === 0,
      "its receipt is there: Python has kept that it was processed",
    );

    await py.end("SIGKILL");
    for (const text of ["n1", "n2"]) await alice.socket.inform("agent_py", text);
    py = await python("agent_py", "py.db");
    for (const text of ["n1", "n2"]) expect(await py.tells("heard")).toBe(text);

    py.say({ do: "inform", to: "agent_alice", texts: ["m0"] });
    await py.tells("delivered");
    await alice.close();
    const before = alice.texts;
    py.say({ do: "inform", to: "agent_alice", texts: ["m1", "m2"] });
    await py.tells("kept");
    await py.tells("kept");
    alice = await node("agent_alice", "ts");
    await eventually(() => alice.texts.length >= 2, "m2 is heard");
    expect([...before, ...alice.texts]).toEqual(["m0", "m1", "m2"]);

    const [, port = ""] = /:(\d+)\//.exec(url()) ?? [];
    await at.broker.stop();
    await alice.socket.inform("agent_py", "n3");
    py.say({ do: "inform", to: "agent_alice", texts: ["m3"] });
    at = await startBroker({ dataDir: at.dataDir, ws: [`127.0.0.1:${port}`] });
    expect(await py.tells("heard")).toBe("n3");
    await eventually(() => alice.texts.includes("m3"), "m3 is heard");
    expect(await alice.socket.fingerprintOf("agent_py")).toBe(py.fingerprint);
    expect(alice.events.map(({ kind }) => kind).filter((kind) => kind !== "not-opened")).toEqual([]);
  });

  it("refuse a key that has changed until it is accepted, on both sides", async () => {
    const [alice, first] = [await node("agent_alice"), await python("agent_py")];
    await alice.socket.inform("agent_py", "to the first");
    expect(await first.tells("heard")).toBe("to the first");
    await first.end();
    const second = await python("agent_py");
    second.say({ do: "inform", to: "agent_alice", texts: ["from the second"] });
    await eventually(() => alice.events.some(({ kind }) => kind === "key-changed"), "the alarm");
    const event = alice.events.find(({ kind }) => kind === "key-changed");
    expect(event?.fingerprints).toEqual({ pinned: first.fingerprint, shown: second.fingerprint });
    expect(alice.texts).toEqual([]);
    await alice.socket.acceptKey("agent_py", String(second.fingerprint));
    await eventually(() => alice.texts.length > 0, "it is heard now");
    expect(alice.texts).toEqual(["from the second"]);

    await alice.close();
    const other = await node("agent_alice");
    await other.socket.inform("agent_py", "from another alice");
    expect(await second.tells("security")).toBe("key-changed");
    second.say({ do: "accept", peer: "agent_alice", fingerprint: await other.socket.fingerprint() });
    expect(await second.tells("accepted")).toBe("agent_alice");
    expect(await second.tells("heard")).toBe("from another alice");
  });
});

interface Heard {
  readonly socket: SecureAgentSocket;
  readonly texts: string[];
  readonly events: SecurityEvent[];
  close(): Promise<void>;
}
