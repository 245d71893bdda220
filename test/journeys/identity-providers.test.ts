import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { BrokerOptions } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { operator } from "../kit/contact-parties.js";
import { IssuerServer, says, silence, status, type Answer } from "../kit/issuer-server.js";
import { certifiedKey, issuerKey, unsigned, type IssuerKey } from "../kit/outside-tokens.js";
import { panToken, PanWire, type PanFrame } from "../kit/pan-wire.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

const name = "https://login.example";
const key = issuerKey("RS256", "one");
const project = "my-project-1234";

describe("users of other issuers at a broker", () => {
  let folder: string;
  let server: IssuerServer;
  let firebaseKey: ReturnType<typeof certifiedKey>;
  let served: TestBroker;
  let logged: string[];
  const good: Answer = (request, response) => {
    const document = request.url === "/firebase" ? { [firebaseKey.kid]: firebaseKey.pem } : { keys: [key.jwk] };
    says(document)(request, response);
  };
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-outside-"));
    server = await IssuerServer.start(folder, silence);
    firebaseKey = certifiedKey(folder, "f1");
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  const options = (): BrokerOptions => ({
    dataDir: join(folder, "data"),
    reserved: ["boss"],
    identityProviders: [
      {
        issuer: name,
        audience: "agents",
        jwks: server.url,
        ca: server.ca,
        dialects: ["pan"],
        agents: { root: ["boss"] },
      },
      {
        firebase: project,
        certificates: new URL("/firebase", server.url).href,
        ca: server.ca,
        dialects: ["pan"],
        emulator: true,
      },
    ],
    log: (level, event, fields) => logged.push(`${level} ${event} ${JSON.stringify(fields)}`),
  });
  beforeEach(async () => {
    server.answer = good;
    logged = [];
    served = await startBroker(options());
  });
  afterEach(async () => {
    await served.stop();
    rmSync(join(folder, "data"), { recursive: true, force: true });
  });

  const token = (sub: string, more: JWTPayload = {}, by: IssuerKey = key): Promise<string> =>
    by.sign({ iss: name, aud: "agents", sub, exp: Math.floor(Date.now() / 1_000) + 600, ...more });
  const login = async (sub: string, agent: string, more: JWTPayload = {}): Promise<PanWire> =>
    PanWire.login(served.pan, agent, await token(sub, more));
  /** Why a login is refused. */
  const refusal = async (agent: string, shown: string): Promise<string> => {
    const wire = await PanWire.open(served.pan);
    wire.say({ type: "auth", agentId: agent, token: shown });
    const { message } = await wire.hears((frame: PanFrame) => frame.type === "error");
    await wire.closed;
    return String(message);
  };
  const leave = async (...wires: readonly PanWire[]): Promise<void> => {
    for (const wire of wires) wire.socket.close();
    await Promise.all(wires.map(({ closed }) => closed));
  };

  it("speak to each other, and a name stays whose it was over a restart", async () => {
    const [ada, bob] = [await login("u1", "ada"), await login("u2", "bob", { agents: ["bob"] })];
    ada.say({ type: "chat", to: "bob", text: "hello" });
    expect(await bob.hears("chat")).toMatchObject({ from: "ada", text: "hello", trust: "proved" });
    await leave(ada, bob);
    expect(await refusal("ada", await token("u2"))).toContain("belongs to somebody else");
    expect(await refusal("ada", panToken(served.dataDir))).toContain("belongs to");
    await served.broker.stop();
    served = await startBroker(options());
    expect(await refusal("ada", await token("u2"))).toContain("belongs to somebody else");
    expect(await refusal("ada", panToken(served.dataDir))).toContain("belongs to");
    await leave(await login("u1", "ada"));
  });

  it("get reserved names and the operator's by the table only", async () => {
    for (const agent of ["boss", "operator"])
      expect(await refusal(agent, await token("u1", { agents: agent }))).toContain(
        `the name ${agent} is reserved here`,
      );
    await leave(await login("root", "boss"));
  });

  it("displace who only claims a name by ZeroMQ with a claim of their own, not by first use", async () => {
    const claimed = new PlainAgent("bob", served, { declare: true });
    await claimed.meet();
    expect(await refusal("bob", await token("u1"))).toContain("the name bob is in use");
    const bob = await login("u1", "bob", { agents: "bob" });
    const ada = await login("u2", "ada");
    ada.say({ type: "chat", to: "bob", text: "for whom?" });
    expect(await bob.hears("chat")).toMatchObject({ text: "for whom?" });
    expect(claimed.heard.filter(({ message }) => message.content.message === "for whom?")).toEqual([]);
    await leave(ada, bob);
    claimed.close();
  });

  it("do not get a name by first use whose mailbox waits, nor what is in it", async () => {
    const claimed = new PlainAgent("bob", served, { declare: true });
    await claimed.meet();
    await claimed.send("$broker", "request", "open", { content: { message: "open", kind: "mailbox.open" } });
    await claimed.hears(({ message }) => message.content["kind"] === "mailbox.open");
    claimed.close();
    const ada = await login("u2", "ada");
    ada.say({ type: "chat", to: "bob", text: "for bob alone" });
    let why = "";
    await eventually(async () => {
      why = await refusal("bob", await token("u1"));
      return !why.includes("is in use");
    }, "bob has gone");
    expect(why).toContain("the name bob has a mailbox");
    const again = new PlainAgent("bob", served, { declare: true });
    await again.hears(({ message }) => message.content.message === "for bob alone");
    await leave(ada);
    again.close();
  });

  it("do not get a name by first use that the operator has approved as somebody's contact", async () => {
    const boss = await operator(served);
    await boss.ask("contacts.add", { agent: "nadia", other: "nils" });
    expect(await refusal("nadia", await token("u1"))).toContain("the name nadia has approved contacts");
    await boss.ask("contacts.remove", { agent: "nadia", other: "nils" });
    await leave(await login("u1", "nadia"));
    await boss.close();
  });

  it("are told of to the owner of a token for their name: who ends their session", async () => {
    const bob = await login("u1", "bob");
    const own = await issueToken(served.dataDir, "bob", "ws");
    expect(await refusal("bob", own)).toMatch(/proves it by another token or key; .*broker network forget bob/);
    await leave(bob);
    await leave(await PanWire.login(served.pan, "bob", own));
  });

  it("stay while their issuer is away, and new ones are told to come again", async () => {
    await served.broker.stop();
    server.answer = status(503);
    served = await startBroker(options());
    expect(await refusal("ada", await token("u1"))).toMatch(
      /the keys of https:\/\/login\.example cannot be had now: the answer is 503 and not 200; try again in \d+ s/,
    );
    server.answer = good;
    let ada: PanWire | undefined;
    await eventually(async () => {
      const shown = await token("u1");
      const wire = await PanWire.open(served.pan);
      wire.say({ type: "auth", agentId: "ada", token: shown });
      const { type } = await wire.hears(({ type: one }) => one === "error" || one === "system");
      if (type === "system") ada = wire;
      else await wire.closed;
      return type === "system";
    }, "ada is let in again");
    server.answer = status(503);
    const bob = await login("u2", "bob");
    bob.say({ type: "chat", to: "ada", text: "still here?" });
    expect(await ada?.hears("chat")).toMatchObject({ text: "still here?" });
    await leave(bob, ...(ada === undefined ? [] : [ada]));
    expect(logged.join("\n")).not.toContain(await token("u1"));
  });

  it("may say on at once while their issuer takes its time, and nobody else waits", async () => {
    await served.broker.stop();
    let answer: () => void = () => undefined;
    server.answer = (request, response) => {
      const before = answer;
      answer = () => {
        before();
        good(request, response);
      };
    };
    served = await startBroker(options());
    const slow = await PanWire.open(served.pan);
    slow.say({ type: "auth", agentId: "ada", token: await token("u1") });
    slow.say({ type: "chat", to: "eve", text: "at once" });
    const eve = await PanWire.login(served.pan, "eve", panToken(served.dataDir));
    eve.say({ type: "list" });
    expect(JSON.stringify(await eve.hears(({ type }) => type !== "system"))).not.toContain('"ada"');
    answer();
    expect(await eve.hears("chat")).toMatchObject({ from: "ada", text: "at once" });
    await leave(slow, eve);
  });

  it("are taken in Agent Network, and not in PAN, where no dialects are configured", async () => {
    const usual = { issuer: name, audience: "agents", jwks: server.url, ca: server.ca };
    served.broker.reload({ ...options(), identityProviders: [usual] });
    const shown = await token("u1");
    expect(await refusal("ada", shown)).toContain("are taken in agent-network, visualisation and not in pan");
    const socket = new WebSocket(served.pan.replace("/pan", "/agent-network/v1/connect"), {
      headers: { authorization: `Bearer ${await token("u1", { agents: ["ada"] })}` },
    });
    const [first] = (await once(socket, "message")) as [Buffer];
    expect(JSON.parse(first.toString())).toMatchObject({ recipientId: "ada", messageType: "CONNECTED" });
    socket.close();
    await once(socket, "close");
  });

  it("are taken as the configuration says that was read last", async () => {
    const ada = await login("u1", "ada");
    expect(served.broker.reload({ ...options(), identityProviders: [] }).changed).toContain("identityProviders");
    expect(await refusal("bob", await token("u2"))).toContain("its issuer (iss) is none that this broker knows");
    ada.say({ type: "list" });
    await ada.hears(({ type }) => type !== "system");
    expect(() =>
      served.broker.reload({ ...options(), identityProviders: [{ issuer: "x", audience: "y", jwks: "/nowhere" }] }),
    ).toThrow("/nowhere: ENOENT");
    served.broker.reload(options());
    await leave(ada, await login("u2", "bob"));
  });

  it("of Firebase are let in by certificate, those of its emulator unsigned, and that is warned of", async () => {
    const now = Math.floor(Date.now() / 1_000);
    const claims = {
      iss: `https://securetoken.google.com/${project}`,
      aud: project,
      auth_time: now,
      iat: now,
      exp: now + 60,
    };
    await leave(await PanWire.login(served.pan, "fay", await firebaseKey.sign({ ...claims, sub: "u1" })));
    await leave(await PanWire.login(served.pan, "flo", unsigned({ ...claims, sub: "u2" })));
    expect(await refusal("flo", unsigned({ ...claims, sub: "u3" }))).toContain("belongs to somebody else");
    expect(await refusal("eve", unsigned({ ...claims, iss: name, aud: "agents", sub: "u3" }))).toContain("not signed");
    expect(logged.join("\n")).toContain("warn tokens of the Firebase emulator are taken, which anybody can make");
  });
});
