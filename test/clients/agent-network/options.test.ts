import { mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  SecureAgentSocket,
  type SendOptions,
  type SocketOptions,
} from "../../../clients/typescript/agent-network/index.js";
import { fakeSockets } from "../../kit/fake-web-socket.js";

const url = "ws://broker.example/agent-network/v1/connect";
const make = (options?: unknown, token: unknown = "token", agent: unknown = "ada"): SecureAgentSocket =>
  new SecureAgentSocket(url, token as string, agent as string, options as SocketOptions);

describe("options of a client of Agent Network", () => {
  it.each([
    [null, /options are an object/],
    [{ passphrase: 123, store: "x" }, /passphrase is a text/],
    [{ passphrase: "long", store: 5 }, /store is a folder/],
    [{ passphrase: "long", store: "" }, /store is a folder/],
    [{ transcript: "no" }, /transcript is true or false/],
    [{ conversationId: 5 }, /conversationId is a text/],
    [{ conversationId: "" }, /conversationId is a text/],
    [{ WebSocket: 5 }, /WebSocket is a class/],
    [{ heartbeatMs: "5" }, /heartbeatMs is a number/],
  ])("%j is refused where it is given", (options, problem) => {
    expect(() => make(options)).toThrow(problem);
  });

  it("a token that is none and an agent without a name are refused where they are given", () => {
    expect(() => make({}, 5)).toThrow(/authToken is a token or a function that brings one/);
    expect(() => make({}, "token", 7)).toThrow(/agentId is a text/);
    expect(() => new SecureAgentSocket(5 as unknown as string, "token", "ada")).toThrow(/serverUrl is a text/);
    for (const nonsense of ["nonsense", "", "ftp://broker.example/", "broker.example:8080"])
      expect(() => new SecureAgentSocket(nonsense, "token", "ada")).toThrow(/serverUrl is a text: ws:\/\//);
  });

  describe("of what is said", () => {
    let ada: SecureAgentSocket;
    beforeEach(() => {
      ada = make({ WebSocket: fakeSockets().WebSocket });
    });
    afterEach(() => ada.close());

    it.each([
      [null, /options are an object/],
      [{ priority: 5 }, /priority is "HIGH", "NORMAL" or "LOW"/],
      [{ priority: "URGENT" }, /priority is "HIGH", "NORMAL" or "LOW"/],
      [{ requiresResponse: "yes" }, /requiresResponse is true or false/],
      [{ plain: "yes" }, /plain is true or false/],
      [{ metadata: ["x"] }, /metadata is an object/],
      [{ expiresAt: "tomorrow" }, /expiresAt is a number of milliseconds/],
      [{ expiresAt: Number.NaN }, /expiresAt is a number of milliseconds/],
    ])("%j is refused, and what is said after it is kept in its order", async (options, problem) => {
      await expect(ada.inform("bob", "odd", {}, options as unknown as SendOptions)).rejects.toThrow(problem);
      await ada.inform("bob", "good");
      expect([...ada.pendingMessages.values()].map(({ state }) => state)).toEqual(["kept"]);
    });

    it.each([Number.NaN, "5", -1, 0])("a question does not wait for %j", async (timeoutMs) => {
      const asked = ada.query("bob", "CUSTOM", { text: "?" }, { timeoutMs: timeoutMs as number });
      await expect(asked).rejects.toThrow(/timeoutMs is a number of milliseconds above 0/);
      expect(ada.pendingMessages.size).toBe(0);
    });

    it("a recipient that is no text is refused with the remedy", async () => {
      await expect(ada.inform(5 as unknown as string, "x")).rejects.toThrow(/the recipient is a text/);
      await expect(ada.sendHandshake(5 as unknown as string)).rejects.toThrow(/the recipient is a text/);
    });
  });
});

describe("a client of Agent Network that is closed", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "synaptic-client-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const stored = (): SecureAgentSocket =>
    make({ store: folder, passphrase: "correct horse", WebSocket: fakeSockets().WebSocket });
  const isLocked = (): boolean => existsSync(join(folder, "agent.pid"));

  it("opens its store no more for what is called in the same turn", async () => {
    const ada = stored();
    const closed = ada.close();
    await expect(ada.inform("bob", "late")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(ada.generateKeyPair()).rejects.toMatchObject({ code: "CLOSED" });
    await closed;
    expect(isLocked()).toBe(false);
  });

  it("has let go of its store whichever close() is waited for", async () => {
    const ada = stored();
    await ada.generateKeyPair();
    expect(isLocked()).toBe(true);
    void ada.close();
    await ada.close();
    expect(isLocked()).toBe(false);
  });

  it("leaves its store to no agent of another name", async () => {
    const ada = stored();
    await ada.inform("bob", "of ada");
    await ada.close();
    const options = { store: folder, passphrase: "correct horse", WebSocket: fakeSockets().WebSocket };
    const eve = make(options, "token", "eve");
    await expect(eve.generateKeyPair()).rejects.toThrow(/the store is that of "ada".*name another store/);
    await eve.close();
    const again = stored();
    await again.generateKeyPair();
    expect(again.pendingMessages.size).toBe(1);
    await again.close();
  });

  it("has in its transcript each message that it has taken", async () => {
    const ada = stored();
    const errors: Error[] = [];
    ada.onError = (error) => errors.push(error);
    const said = Promise.allSettled(Array.from({ length: 20 }, (_, n) => ada.inform("bob", `text ${n}`)));
    await ada.generateKeyPair();
    await ada.close();
    const taken = (await said).filter(({ status }) => status === "fulfilled").length;
    const again = stored();
    expect(errors).toEqual([]);
    expect(await again.transcript()).toHaveLength(taken);
    expect(again.pendingMessages.size).toBe(taken);
    await again.close();
  });
});
