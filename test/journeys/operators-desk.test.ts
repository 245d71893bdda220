import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BrokerOptions } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { makeCertificate, makeExpired } from "../kit/certificates.js";
import { PanWire, panToken } from "../kit/pan-wire.js";
import { PlainAgent, type WireMessage } from "../kit/plain-agent.js";
import { issueToken } from "../kit/tokens.js";

type Rows = readonly Readonly<Record<string, unknown>>[];

const operatorsOwn = [
  "trace",
  "losses",
  "logins.refused",
  "certificates",
  "tokens.list",
  "tokens.revoke",
  "sessions.list",
  "sessions.close",
];

describe("the operator's desk", () => {
  let at: TestBroker;
  let operator: PlainAgent;
  const open: { close(): unknown }[] = [];
  const keep = <T extends { close(): unknown }>(thing: T): T => {
    open.push(thing);
    return thing;
  };
  async function starts(options: BrokerOptions = {}): Promise<void> {
    at = await startBroker(options);
    const token = (await readFile(join(at.dataDir, "operator-token"), "utf8")).trim();
    operator = await keep(new PlainAgent("operator", at, { token })).meet();
  }
  afterEach(async () => {
    for (const thing of open.splice(0)) await thing.close();
    await at.stop();
  });
  const asks = async (kind: string, data?: Record<string, unknown>): Promise<WireMessage["content"]> =>
    (await operator.asks(kind, data)).content;
  const rows = async (kind: string, field: string, data?: Record<string, unknown>): Promise<Rows> => {
    const { data: answer, message } = await asks(kind, data);
    const found = (answer as Readonly<Record<string, Rows>>)[field];
    if (found === undefined) throw new Error(`${kind}: ${message}`);
    return found;
  };
  const faultIn = ({ kind, data }: WireMessage["content"]): unknown =>
    kind === "fault" ? (data as { readonly code: unknown }).code : undefined;
  const auditOf = async (event: string): Promise<Rows> =>
    (await readFile(join(at.dataDir, "audit.log"), "utf8"))
      .split("\n")
      .filter((line) => line.includes(`"${event}"`))
      .map((line) => JSON.parse(line) as Rows[number]);

  describe("over clear text", () => {
    beforeEach(() => starts());

    it("is closed to who has no right to it, in whatever dialect, whatever other rights that has", async () => {
      const scopes = ["observe", "inspect", "control", "approve", "edit"] as const;
      const token = await issueToken(at.dataDir, "ada", "zmq", { scopes });
      const ada = await keep(new PlainAgent("ada", at, { token })).meet();
      const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
      for (const kind of operatorsOwn) {
        expect([kind, faultIn((await ada.asks(kind)).content)]).toEqual([kind, "forbidden"]);
        bot.say({ type: "ask", kind, messageId: kind });
        expect(await bot.hears((frame) => frame["messageId"] === kind)).toMatchObject({ type: "error" });
      }
    });

    it("traces what was said by its head, and not what it says", async () => {
      const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
      const ada = await keep(new PlainAgent("ada", at)).meet();
      const asked = await ada.send("bot", "request", "the secret?");
      await bot.hears("chat");
      bot.say({ type: "chat", to: "ada", text: "the secret.", messageId: "m2" });
      await ada.hears(({ message }) => message.in_reply_to === asked.message_id);
      const messages = await rows("trace", "messages", { message_id: asked.message_id });
      expect(messages).toMatchObject([
        { message_id: asked.message_id, from: "ada", to: "bot", type: "request", trust: "claimed" },
        { message_id: "m2", from: "bot", to: "ada", type: "response", in_reply_to: asked.message_id, trust: "shared" },
      ]);
      expect(JSON.stringify(await asks("trace"))).not.toContain("secret");
      expect(await rows("trace", "messages", { agent: "bot", count: 1 })).toMatchObject([{ message_id: "m2" }]);
      expect(await asks("trace", { agent: "nobody" })).toMatchObject({ message: /nothing of this/ });
      expect(faultIn(await asks("trace", { count: 1_001 }))).toBe("malformed");
    });

    it("tells what was lost, what that means, and what helps", async () => {
      const ada = await keep(new PlainAgent("ada", at)).meet();
      const refused = await ada.send("nobody", "request", "hello?");
      await ada.hears(({ message }) => message.in_reply_to === refused.message_id);
      const losses = await rows("losses", "losses");
      expect(losses).toContainEqual({
        reason: "nobody-there",
        count: 1,
        meaning: "nobody hears the addressee",
        remedy: expect.stringContaining("mailbox") as string,
      });
      expect(losses).toContainEqual(
        expect.objectContaining({ reason: "told-not-found", meaning: expect.any(String) as string }),
      );
      expect(await rows("losses", "agents")).toEqual([]);
    });

    it("tells which logins were refused", async () => {
      const wrong = keep(await PanWire.open(at.pan));
      wrong.say({ type: "auth", agentId: "eve", token: "wrong" });
      await wrong.closed;
      const [row, ...more] = await rows("logins.refused", "logins");
      expect(row).toMatchObject({ dialect: "pan", remote: "127.0.0.1", code: "unauthenticated", count: 1 });
      expect(more).toEqual([]);
      expect(JSON.stringify(row)).not.toContain("wrong");
    });

    it("says that there is no certificate", async () => {
      expect(await asks("certificates")).toMatchObject({ message: /clear text/, data: { certificates: [] } });
    });

    it("lists tokens, never themselves, and takes one away: on the disk, and what used it is cut", async () => {
      const token = await issueToken(at.dataDir, "ada");
      await issueToken(at.dataDir, "ada", "ws", { scopes: ["observe"] });
      const ada = await keep(new PlainAgent("ada", at, { token })).meet();
      const tokens = await rows("tokens.list", "tokens");
      expect(tokens).toMatchObject([
        { kind: "zmq", agent: "ada", scopes: [] },
        { kind: "ws", agent: "ada", scopes: ["observe"] },
      ]);
      expect(JSON.stringify(tokens)).not.toContain(token);
      const closes = new Promise((resolve) => ada.sub.events.on("disconnect", resolve));
      const id = String(tokens[0]?.["id"]);
      expect(await asks("tokens.revoke", { id })).toMatchObject({
        message: /is revoked/,
        data: { token: { id, kind: "zmq", agent: "ada" } },
      });
      expect(await readFile(join(at.dataDir, "tokens.json"), "utf8")).not.toContain(id);
      await closes;
      expect(await auditOf("token.revoked")).toMatchObject([
        { by: "operator", tokenId: id, agent: "ada", kind: "zmq" },
      ]);
      expect(await rows("tokens.list", "tokens")).toHaveLength(1);
      for (const none of [id, "ada", "operator", "nothing"])
        expect(faultIn(await asks("tokens.revoke", { id: none }))).toBe("not-found");
      expect(faultIn(await asks("tokens.revoke"))).toBe("malformed");
    });

    it("answers who revokes its own token, and cuts it then", async () => {
      const token = await issueToken(at.dataDir, "chief", "ws", { scopes: ["operate"] });
      const chief = keep(await PanWire.login(at.pan, "chief", token));
      const [row] = await rows("tokens.list", "tokens");
      chief.say({ type: "ask", kind: "tokens.revoke", data: { id: row?.["id"] }, messageId: "q" });
      expect(await chief.hears("answer")).toMatchObject({ replyTo: "q", data: { token: { agent: "chief" } } });
      await chief.closed;
    });

    it("lists connections of every kind, page by page", async () => {
      const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
      const silent = keep(await PanWire.open(at.pan));
      await keep(new PlainAgent("ada", at)).meet();
      const all = await rows("sessions.list", "sessions");
      expect(all.filter(({ agent }) => agent === "bot")).toMatchObject([
        { dialect: "pan", trust: "shared", remote: "127.0.0.1", dropped: 0 },
      ]);
      expect(all.filter(({ agent }) => agent === "ada")).toMatchObject([
        { dialect: "zmq", door: "out", trust: "claimed" },
      ]);
      expect(all.filter(({ agent }) => agent === "operator").map(({ door, trust }) => [door, trust])).toEqual(
        expect.arrayContaining([
          ["in", "proved"],
          ["out", "proved"],
        ]),
      );
      const unnamed = all.filter(({ agent }) => agent === undefined).map(({ dialect }) => dialect);
      expect([...unnamed].sort()).toEqual(["pan", "zmq"]);
      const paged: unknown[] = [];
      for (let after: unknown; ;) {
        const { data } = await asks("sessions.list", { max: 2, ...(after !== undefined && { after }) });
        const { sessions, total, next } = data as { sessions: Rows; total: number; next?: string };
        expect(total).toBe(all.length);
        paged.push(...sessions.map(({ id }) => id));
        if (next === undefined) break;
        after = next;
      }
      expect(paged).toEqual(all.map(({ id }) => id));
      expect(await rows("sessions.list", "sessions", { agent: "bot" })).toHaveLength(1);
      for (const wire of [bot, silent]) wire.close();
    });

    it("closes a connection of either kind, and says who did", async () => {
      const bot = keep(await PanWire.login(at.pan, "bot", panToken(at.dataDir)));
      const ada = await keep(new PlainAgent("ada", at)).meet();
      const ids = async (agent: string): Promise<unknown> =>
        (await rows("sessions.list", "sessions", { agent }))[0]?.["id"];
      const [ofBot, ofAda] = [await ids("bot"), await ids("ada")];
      const closes = new Promise((resolve) => ada.sub.events.on("disconnect", resolve));
      expect(await asks("sessions.close", { id: ofBot })).toMatchObject({ data: { session: { agent: "bot" } } });
      expect(await bot.closed).toEqual({
        code: 1001,
        reason: expect.stringMatching(/^the operator has closed/) as string,
      });
      await asks("sessions.close", { id: ofAda });
      await closes;
      expect(await auditOf("connection.closed")).toMatchObject([
        { by: "operator", id: ofBot, dialect: "pan", agent: "bot", remote: "127.0.0.1" },
        { by: "operator", id: ofAda, dialect: "zmq", agent: "ada", remote: "127.0.0.1" },
      ]);
      expect(faultIn(await asks("sessions.close", { id: ofBot }))).toBe("not-found");
      expect(at.broker.status().ledger.reasons["closed-by-operator"]).toBe(1);
    });
  });

  describe("over TLS", () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), "synaptic-desk-"));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it("tells of the certificate, and how many days it has left", async () => {
      const { cert, key } = makeCertificate(folder, "broker.lan", ["broker.lan"]);
      await starts({ tlsCert: cert, tlsKey: key });
      expect(await asks("certificates")).toMatchObject({ message: /is valid for [12] more days/ });
      const [row] = await rows("certificates", "certificates");
      expect(row).toMatchObject({
        subject: "CN=broker.lan",
        issuer: "CN=broker.lan",
        hosts: ["localhost", "127.0.0.1", "broker.lan"],
        fingerprint: expect.stringMatching(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/) as string,
      });
      expect([1, 2]).toContain(row?.["days_left"]);

      const next = makeCertificate(folder, "other.lan");
      at.broker.reload({ dataDir: at.dataDir, ws: ["127.0.0.1:0"], tlsCert: next.cert, tlsKey: next.key });
      expect(await rows("certificates", "certificates")).toMatchObject([{ subject: "CN=other.lan" }]);
    });

    it("tells of one that has expired", async () => {
      const { cert, key } = makeExpired(folder, "old.lan");
      await starts({ tlsCert: cert, tlsKey: key });
      expect(await asks("certificates")).toMatchObject({
        message: /has expired/,
        data: { certificates: [{ days_left: expect.any(Number) as number }] },
      });
    });
  });
});
