import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer, type WebSocket } from "ws";
import { conversationId } from "../../bridges/agent-network/conversation-id.js";
import { eventually } from "../kit/broker.js";
import { runCli, startCli, startProgram, type Program } from "../kit/cli.js";
import { NetworkTalker } from "../kit/network-talker.js";
import type { NetworkFrame } from "../kit/network-wire.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { serveBroker, type Served } from "./served.js";

const onPty = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

describe("broker network", () => {
  let served: Served;
  let url: string;
  let bob: NetworkTalker;

  const tokenOf = async (agent: string, kind = "--jwt"): Promise<string> =>
    (await served.cli("token", agent, kind)).stdout.trim();
  const network = (...args: readonly string[]) => served.cli("network", ...args);
  const listen = async (name: string, ...args: readonly string[]): Promise<Program> => {
    const program = startCli(["network", "listen", name, "--data-dir", served.dataDir, ...args]);
    await program.tells(/listening as/);
    return program;
  };
  const line = (text: string): NetworkFrame => JSON.parse(text) as NetworkFrame;

  beforeAll(async () => {
    served = await serveBroker();
    url = `${served.at.ws}/agent-network/v1/connect`;
    bob = await NetworkTalker.enter(url, "bob", await tokenOf("bob"));
  });
  afterAll(async () => {
    bob.close();
    await served.end();
  });

  it("listens as an agent, one frame a line as it came, and takes leave at Ctrl-C", async () => {
    const carol = await listen("carol");
    const said = bob.say("carol", "INFORM", { text: "hello carol" }, { metadata: { odd: "kept" } });
    await carol.prints(/hello carol/);
    const { code, stdout } = await carol.stop("SIGINT");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n").map(line)).toEqual([said]);
    bob.say("carol", "INFORM", { text: "still there?" });
    await bob.hears(({ content }) => content["errorCode"] === "RECIPIENT_NOT_FOUND");
  });

  it("shows a person who says what, and that it cannot read what is sealed", async () => {
    const dan = startProgram("/usr/bin/python3", [
      "-c",
      onPty,
      process.execPath,
      "bin/broker.js",
      "network",
      "listen",
      "dan",
      "--count",
      "3",
      "--data-dir",
      served.dataDir,
    ]);
    await dan.prints(/listening as dan/);
    bob.say("dan", "QUERY", { requestId: "1", queryType: "AVAILABILITY", parameters: { day: 1 } });
    bob.say("dan", "ENCRYPTED", { encryptedData: "x" }, { metadata: { encrypted: true } });
    bob.say("dan", "INFORM", { text: "one\u001b[2Jtwo" });
    const { code, stdout } = await dan.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/bob.* → .*dan.*QUERY AVAILABILITY.*"day":1/);
    expect(stdout).toMatch(/ENCRYPTED.*\(sealed: this client has no keys\)/);
    expect(stdout).toContain("one\ufffd[2Jtwo");
  });

  it("says something and tells when it is routed; the token that it needed is taken back", async () => {
    expect(await network("send", "alice", "bob", "hello bob")).toMatchObject({ code: 0, stderr: "sent to bob\n" });
    expect(await bob.hearsOf("alice", "INFORM")).toMatchObject({
      content: { text: "hello bob" },
      conversationId: conversationId("bob", "alice"), // that of every client (Agent Network §4.4)
    });
    const tokens = JSON.parse((await served.cli("token", "list", "--json")).stdout) as { agent: string }[];
    expect(tokens.map(({ agent }) => agent)).toEqual(["bob"]);
  });

  it("asks, waits, and prints the answer, also of an agent of another dialect", async () => {
    const asked = network("send", "alice", "bob", "free on Monday?", "--wait", "--json");
    const query = await bob.hearsOf("alice", "QUERY");
    expect(query).toMatchObject({
      content: { queryType: "CUSTOM", parameters: { text: "free on Monday?" } },
      metadata: { encrypted: false, requiresResponse: true },
    });
    bob.say("alice", "RESPONSE", { requestId: query.content["requestId"], data: { text: "yes" }, error: null });
    const { code, stdout } = await asked;
    expect([code, line(stdout).content["data"]]).toEqual([0, { text: "yes" }]);

    const pan = await PanWire.login(`${served.at.ws}/pan`, "pia", panToken(served.dataDir));
    const told = network("send", "alice", "pia", "and you?", "--wait");
    const chat = await pan.hears("chat");
    expect(chat).toMatchObject({ from: "alice", text: "and you?" });
    pan.say({ type: "chat", to: "alice", text: "me, too", replyTo: chat["messageId"] });
    expect(await told).toMatchObject({ code: 0, stdout: "me, too\n" });
    pan.close();
  });

  it("proposes, and waits for the decision", async () => {
    const content = JSON.stringify({ proposalId: "p1", details: { title: "coffee" } });
    const asked = network("send", "alice", "bob", "--type", "PROPOSAL", "--content", content, "--wait");
    expect(await bob.hearsOf("alice", "PROPOSAL")).toMatchObject({ content: JSON.parse(content) as object });
    bob.say("alice", "REJECTION", { proposalId: "p1", reason: "TIME_UNSUITABLE", message: "too early" });
    expect(await asked).toMatchObject({ code: 0, stdout: "too early\n" });
  });

  it("answers by the id of what was asked", async () => {
    await network("send", "alice", "bob", "yes", "--type", "RESPONSE", "--reply-to", "r7");
    expect(await bob.hearsOf("alice", "RESPONSE")).toMatchObject({
      content: { requestId: "r7", data: { text: "yes" }, error: null },
    });
  });

  it("asks the broker, which is called system", async () => {
    const content = '{"queryType":"agents.list"}';
    const { code, stdout } = await network("send", "alice", "system", "--content", content, "--json");
    expect([code, JSON.stringify(line(stdout).content["data"])]).toEqual([0, expect.stringContaining('"bob"')]);
    const typed = await network("send", "alice", "system", "agents.list");
    expect(typed).toMatchObject({ code: 0, stdout: expect.stringContaining("bob") as string });
  });

  it("tells what is refused, by its exit code", async () => {
    const words = async (...args: readonly string[]): Promise<readonly [number | null, string]> => {
      const { code, stderr } = await network("send", ...args);
      return [code, stderr];
    };
    expect(await words("alice", "nobody", "hi")).toEqual([4, expect.stringContaining("RECIPIENT_NOT_FOUND")]);
    expect(await words("alice", "bob", "hi", "--wait", "0.2")).toEqual([
      5,
      expect.stringContaining("has not answered"),
    ]);
    expect(await words("alice", "bob")).toEqual([2, expect.stringContaining("--content")]);
    expect(await words("alice", "bob", "--content", "[1]")).toEqual([2, expect.stringContaining("JSON object")]);
    expect(await words("alice", "bob", "ok", "--type", "CONFIRMATION")).toEqual([
      2,
      expect.stringContaining("--reply-to"),
    ]);
    expect(await words("alice", "bob", "hi", "--type", "ENCRYPTED")).toEqual([2, expect.stringContaining("INFORM")]);
    expect(await words("bob", "alice", "hi")).toEqual([4, expect.stringContaining("--displace")]);
    expect(await words("alice", "bob", "hi", "--token", "wrong")).toEqual([
      4,
      expect.stringContaining("AUTHENTICATION_FAILED"),
    ]);
    expect(await words("alice", "bob", "hi", "--url", "ws://127.0.0.1:9", "--token", "x")).toEqual([
      3,
      expect.stringContaining("ECONNREFUSED"),
    ]);
    const other = await tokenOf("eve");
    expect(await words("alice", "bob", "hi", "--token", other)).toEqual([4, expect.stringContaining("eve")]);
  });

  it("takes a token of any kind from standard input, at any address", async () => {
    for (const kind of ["--jwt", "--pan"]) {
      const token = await tokenOf("erin", kind);
      const args = ["network", "send", "erin", "bob", `by ${kind}`, "--url", served.at.ws, "--token", "-"];
      const program = startProgram(process.execPath, ["bin/broker.js", ...args], {}, "pipe");
      program.process.stdin?.end(`${token}\n`);
      expect(await program.ended).toMatchObject({ code: 0 });
      expect(await bob.hearsOf("erin", "INFORM")).toMatchObject({ content: { text: `by ${kind}` } });
    }
  });

  it("ends with the connection, and says why", async () => {
    const fay = await listen("fay");
    const again = await NetworkTalker.enter(url, "fay", await tokenOf("fay"));
    expect(await fay.ended).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/conflict|displaced|taken|place/) as string,
    });
    again.close();
    const other = await serveBroker();
    try {
      const gus = startCli(["network", "listen", "gus", "--data-dir", other.dataDir]);
      await gus.tells(/listening as/);
      await other.broker.stop();
      expect(await gus.ended).toMatchObject({ code: 3, stderr: expect.stringContaining("stopping") as string });
    } finally {
      await other.end();
    }
    const nowhere = await runCli(["network", "listen", "gus", "--data-dir", `${served.home}/none`]);
    expect(nowhere).toMatchObject({ code: 3, stderr: expect.stringContaining("broker start") as string });
  });

  it("gives a sign of life in each of the broker's intervals, and answers pings", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "agent-network.v1" });
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const at = `ws://127.0.0.1:${port}`;
    const hal = startCli(["network", "listen", "hal", "--url", at, "--token", "any"]);
    const [socket, { headers, url: path }] = (await once(server, "connection")) as [WebSocket, IncomingMessage];
    expect([path, headers.authorization]).toEqual(["/agent-network/v1/connect", "Bearer any"]);
    const frames: NetworkFrame[] = [];
    socket.on("message", (data: Buffer) => frames.push(line(data.toString())));
    const head = { messageId: "1", conversationId: "system", senderId: "system", recipientId: "hal", metadata: {} };
    const content = { connectionId: "c", heartbeatInterval: 1_000, serverTime: 0 };
    socket.send(JSON.stringify({ ...head, messageType: "CONNECTED", content, timestamp: 0 }));
    socket.ping();
    await once(socket, "pong");
    await eventually(() => frames.length === 3, "three heartbeats");
    for (const { messageType, senderId, recipientId } of frames)
      expect([messageType, senderId, recipientId]).toEqual(["HEARTBEAT", "hal", "system"]);
    await Promise.all([hal.stop("SIGTERM"), once(socket, "close")]);
    expect(frames.at(-1)).toMatchObject({ messageType: "DISCONNECT" });
    server.close();
  });
});
