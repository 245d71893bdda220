import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent, Fault, type ConnectOptions } from "../../../src/index.js";
import { PanClient } from "../../../clients/typescript/pan/client.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";

const refused = (code: string, words: string): object => ({ code, message: expect.stringContaining(words) as string });
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("who makes a mistake with the SDK", () => {
  let at: TestBroker;
  const connect = (options: unknown): Promise<Agent> => Agent.connect(options as ConnectOptions);

  beforeAll(async () => {
    at = await startBroker();
  });
  afterAll(() => at.stop());

  it.each([
    ["nothing", undefined, "the name is undefined"],
    ["a name alone", "ada", "the name is undefined"],
    ["no name", { nmae: "ada" }, "the name is undefined"],
    ["a number", { name: 7 }, "the name is 7"],
    ["an empty name", { name: "" }, 'the name "" is empty'],
    ["a space behind it", { name: "ada " }, 'the name "ada " contains spaces'],
    ["a name that is too long", { name: "a".repeat(200) }, "the name (a text of 200 characters) is longer"],
  ])("is told what a name is: %s", async (_about, options, words) => {
    await expect(connect(options)).rejects.toMatchObject(refused("malformed", words));
    const name = Object(options) as { readonly name: string };
    expect(() => at.broker.agent(name.name)).toThrow(expect.objectContaining(refused("malformed", words)));
  });

  it.each([
    ["in", "127.0.0.1:5555"],
    ["out", "localhost"],
    ["in", "ws://127.0.0.1:8080"],
    ["out", 5556],
  ])("is told how an address is written: %s %j", async (option, address) => {
    const options = { name: "lost", in: at.zmqIn, out: at.zmqOut, [option]: address };
    await expect(connect(options)).rejects.toMatchObject(
      refused("malformed", `${option} is ${JSON.stringify(address)}`),
    );
  });

  it("is told where no broker is", async () => {
    const nowhere = { in: "tcp://127.0.0.1:1", out: "tcp://127.0.0.1:2" };
    await expect(connect({ ...nowhere, name: "ada", readyTimeoutMs: 50 })).rejects.toMatchObject(
      refused("unavailable", `no broker answered at ${nowhere.in} and ${nowhere.out}; start one with broker start`),
    );
  });

  it.each(["/agentchat", "/pann"])("is told that PAN is not spoken at %s", async (path) => {
    const url = at.pan.replace("/pan", path);
    await expect(new PanClient({ url, agentId: "ada", token: "x" }).connect()).rejects.toMatchObject(
      refused(
        "CLOSED",
        "a server is there, but this is not spoken at this path (PAN: /pan, AgentChat: /agentchat, Agent Network: /agent-network/v1/connect)",
      ),
    );
  });

  it("is told which words a receipt knows, at once, and which settings a mailbox", async () => {
    const ada = at.broker.agent("ada-says");
    for (const receipt of ["stored", true, ["done"]])
      expect(() => ada.send("bob", "hello", { receipt: receipt as never })).toThrow(
        expect.objectContaining(refused("malformed", "give a list of the words stored, settled")),
      );
    expect(() => ada.send("bob", "hello", { receipt: ["stored", "done"] as never })).toThrow(
      expect.objectContaining(refused("malformed", 'receipt has "done"; give a list')),
    );
    await expect(ada.openMailbox({ zzz: 3 } as never)).rejects.toMatchObject(
      refused("malformed", 'mailbox has "zzz"; known are mode, keepS, max, maxBytes, batch'),
    );
    await ada.close();
  });

  it("is told of options that nobody reads, and which was meant", async () => {
    const ada = at.broker.agent("ada-slips");
    const slips: readonly [() => unknown, string][] = [
      [() => connect({ name: "ada", mailBox: true }), 'connect has "mailBox"; did you mean mailbox?'],
      [() => connect({ name: "ada", host: "x" }), 'connect has "host"; known are name, '],
      [() => ada.request("bob", "?", { timeout: 5 } as never), 'the message has "timeout"; did you mean timeoutMs?'],
      [() => ada.inform("bob", "x", { expires_at: "x" } as never), "did you mean expiresAt?"],
      [() => ada.send("bob", "x", { recipt: ["stored"] } as never), "did you mean receipt?"],
      [() => ada.send("bob", "x", { ephemeral: true }), "ephemeral goes into no mailbox"],
      [() => ada.send("#lab", "x"), "#lab has no mailbox, so nothing is told of what is said there; inform says it"],
      [() => ada.send("all", "x"), "all has no mailbox"],
      [() => ada.create("#den", { invite_only: true } as never), 'create has "invite_only"; did you mean inviteOnly?'],
      [() => ada.create("#log", { durable: { keep_s: 9 } } as never), 'durable has "keep_s"; did you mean keepMs?'],
      [() => ada.keep("#log", { maxbytes: 9 } as never), "did you mean maxBytes?"],
      [() => ada.peek({ limit: 5 } as never), 'peek has "limit"; known are after, max, dead'],
    ];
    for (const [say, words] of slips)
      await expect(Promise.resolve().then(say), words).rejects.toMatchObject(refused("malformed", words));
    await ada.openMailbox("take");
    expect(() => ada.mail({ wait: 5 } as never)).toThrow(
      expect.objectContaining(refused("malformed", 'mail has "wait"; did you mean waitMs?')),
    );
    await ada.close();
  });

  it("is told that a room begins with #, and of no agent", async () => {
    const ada = at.broker.agent("ada");
    await ada.join("#lab");
    for (const asked of [ada.members("lab"), ada.history("lab")])
      await expect(asked).rejects.toMatchObject(refused("malformed", "a room's name is #"));
    await expect(ada.members("#none")).rejects.toMatchObject({ code: "not-found" });
    await ada.close();
  });

  it("learns that a request was not answered though nothing else keeps the process alive", async () => {
    const [ada, silent] = [at.broker.agent("ada"), at.broker.agent("silent")];
    const before = timers();
    const asked = [ada.request("silent", "?", { timeoutMs: 20 }), ada.request("silent", "?", { timeoutMs: 40 })];
    expect(timers()).toBe(before + 1);
    for (const each of asked) await expect(each).rejects.toMatchObject({ code: "timeout" });
    const given = new AbortController();
    const other = ada.request("silent", "?", { signal: given.signal });
    const during = timers();
    given.abort();
    expect(timers()).toBe(during - 1);
    await expect(other).rejects.toMatchObject({ code: "timeout" });
    await Promise.all([ada.close(), silent.close()]);
  });

  it("sees in a fault's stack which line has asked, and in its print what it says", async () => {
    const ada = await connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
    const asksNobody = async (): Promise<unknown> => await ada.request("nobody", "?");
    const thrown = await asksNobody().catch((each: unknown) => each);
    expect(thrown).toBeInstanceOf(Fault);
    expect((thrown as Fault).stack).toMatch(/^Fault: no agent nobody is here; .*asksNobody/s);
    expect(inspect(thrown)).not.toContain("Symbol(");
    await ada.close();
  });
});
