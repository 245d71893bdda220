import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { startProgram, type Program } from "../kit/cli.js";
import { DeadLine } from "../kit/dead-line.js";

const sdk = new URL("../../dist/src/index.js", import.meta.url).href;

/** Prints what it takes, `begins ID ATTEMPT`, and is done with it once it may be. */
const worker = `
  import { Agent } from ${JSON.stringify(sdk)};
  const [zmqIn, zmqOut, stays] = process.argv.slice(1);
  const bob = await Agent.connect({ name: "bob", mailbox: "take", in: zmqIn, out: zmqOut });
  console.log("is ready");
  bob.onInform(async ({ message_id: id, $broker }) => {
    console.log("begins", id, $broker.attempt);
    if (stays === "stuck") await new Promise(() => undefined);
    console.log("ends", id);
  });
`;

describe("an agent in take mode, and what is killed or started again", () => {
  let dataDir: string;
  let at: TestBroker;
  let ada: Agent;
  const programs: Program[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "synaptic-take-"));
    at = await startBroker({ dataDir });
    ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
  });
  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.stop("SIGKILL")));
    await ada.close();
    await at.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  function start(how: "stuck" | "works"): Program {
    const program = startProgram(process.execPath, ["--input-type=module", "-e", worker, at.zmqIn, at.zmqOut, how]);
    programs.push(program);
    return program;
  }

  it("is killed while it handles a message: the next process handles it, and none is lost", async () => {
    const first = start("stuck");
    await first.prints(/is ready/);
    const sent = Array.from({ length: 20 }, (_, n) => ada.send("bob", String(n)));
    await first.prints(/begins/);
    await first.stop("SIGKILL");
    const second = start("works");
    const ends = await Promise.all(sent.map(({ settled }) => settled));
    expect(new Set(ends.map(({ state }) => state))).toEqual(new Set(["done"]));
    const printed = await second.prints(/ends/);
    const ended = (await second.stop("SIGKILL")).stdout.split("\n").filter((line) => line.startsWith("ends"));
    expect(printed).toContain("begins");
    expect(printed).not.toMatch(/begins \S+ [^1]/); // being away uses up no attempt
    expect(new Set(ended)).toEqual(new Set(sent.map(({ messageId }) => `ends ${messageId}`)));
    expect(ended).toHaveLength(sent.length);
  });

  it("goes on after the broker was started again, with what it had begun, and hears the rest once", async () => {
    const bob = await Agent.connect({ name: "bob", mailbox: "take", in: at.zmqIn, out: at.zmqOut });
    const heard: string[] = [];
    let go = (): void => undefined;
    const mayGo = new Promise<void>((resolve) => (go = resolve));
    bob.onInform(async ({ content }) => {
      heard.push(content.message);
      await mayGo;
    });
    const sent = Array.from({ length: 200 }, (_, n) => ada.send("bob", String(n)));
    await Promise.all(sent.map(({ stored }) => stored));
    await eventually(() => heard.length === 8, "handlers are running");
    await at.broker.stop();
    const { zmqIn, zmqOut } = at;
    at = await startBroker({ dataDir, zmqIn: [zmqIn], zmqOut: [zmqOut] });
    go();
    const ends = await Promise.all(sent.map(({ settled }) => settled));
    expect(new Set(ends.map(({ state }) => state))).toEqual(new Set(["done"]));
    expect(heard.length).toBe(200);
    expect(new Set(heard).size).toBe(200);
    expect(await bob.mailboxStatus()).toMatchObject({ waiting: 0, leased: 0, done: 200, stored: 200 });
    await bob.close();
  });

  it("says an answer again that may be lost with the broker's line, under its id", async () => {
    const bob = await Agent.connect({ name: "bob", mailbox: "take", in: at.zmqIn, out: at.zmqOut });
    const answers = new Map<string, string>();
    ada.onResponse(({ message_id: id, content }) => void answers.set(id, content.message));
    let begun = (): void => undefined;
    const isBegun = new Promise<void>((resolve) => (begun = resolve));
    let go = (): void => undefined;
    const mayGo = new Promise<void>((resolve) => (go = resolve));
    bob.onRequest(async () => {
      begun();
      await mayGo;
      return "yes";
    });
    const { settled } = ada.send("bob", "?", { type: "request" });
    await isBegun;
    await at.broker.stop();
    go(); // said into a line that is dead
    const { zmqIn, zmqOut } = at;
    at = await startBroker({ dataDir, zmqIn: [zmqIn], zmqOut: [zmqOut], limits: { startHoldMs: 3_000 } });
    expect(await settled).toMatchObject({ state: "answered" });
    await eventually(() => answers.size > 0, "the answer is there");
    await ada.request("$broker", { message: "ping", kind: "ping" });
    expect([...answers.values()]).toEqual(["yes"]);
    await bob.close();
  });

  /** Bob in take mode, on lines to both doors that can die without a word. */
  async function onDeadLines(): Promise<{ bob: Agent; die: () => void; close: () => Promise<void> }> {
    const lines = await Promise.all([at.zmqIn, at.zmqOut].map((url) => DeadLine.to(Number(new URL(url).port))));
    const [zmqIn = "", zmqOut = ""] = lines.map(({ port }) => `tcp://127.0.0.1:${String(port)}`);
    const bob = await Agent.connect({ name: "bob", mailbox: "take", in: zmqIn, out: zmqOut, silentMs: 500 });
    const die = (): void => {
      for (const line of lines) line.die();
    };
    const close = async (): Promise<void> => {
      await bob.close();
      await Promise.all(lines.map((line) => line.close()));
    };
    return { bob, die, close };
  }
  // Leases are of two minutes.
  const wellBeforeTheLeasesEndMs = 30_000;

  it(
    "takes anew at once what it was given over a line that had died without a word",
    async () => {
      const { bob, die, close } = await onDeadLines();
      const heard: string[] = [];
      bob.onInform(({ content }) => void heard.push(content.message));
      await ada.send("bob", "0").settled;
      await eventually(async () => (await bob.mailboxStatus()).leased === 0, "its next question is on its way");
      die();
      const sent = Array.from({ length: 5 }, (_, n) => ada.send("bob", String(n + 1)));
      const ends = await Promise.all(sent.map(({ settled }) => settled));
      expect(new Set(ends.map(({ state }) => state))).toEqual(new Set(["done"]));
      expect(heard).toEqual(["0", "1", "2", "3", "4", "5"]);
      expect(await bob.mailboxStatus()).toMatchObject({ waiting: 0, leased: 0, done: 6 });
      await close();
    },
    wellBeforeTheLeasesEndMs,
  );

  it(
    "leaves alone what its program has in hand, when it looks for what was lost with a line",
    async () => {
      const { bob, die, close } = await onDeadLines();
      const mail = bob.mail({ max: 1 });
      const sent = [ada.send("bob", "in hand")];
      const heard = [(await mail.next()).value];
      const accepted = () => at.broker.status().ledger.messages.accepted;
      const before = accepted();
      const next = mail.next();
      await eventually(() => accepted() > before, "the question is on its way");
      die();
      for (const text of ["lost", "last"]) sent.push(ada.send("bob", text));
      heard.push((await next).value, (await mail.next()).value);
      expect(heard.map((one) => one?.content.message)).toEqual(["in hand", "lost", "last"]);
      for (const one of heard) expect(await one?.done()).toBe("done");
      for (const { settled } of sent) expect(await settled).toMatchObject({ state: "done" });
      expect(await bob.mailboxStatus()).toMatchObject({ waiting: 0, leased: 0, done: 3 });
      await close();
    },
    wellBeforeTheLeasesEndMs,
  );
});
