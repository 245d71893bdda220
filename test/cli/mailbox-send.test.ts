import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Agent } from "../../src/index.js";
import { serveBroker, type Served } from "./served.js";

const saying = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

describe("broker send, to somebody who is away and has a mailbox", () => {
  let served: Served;
  const send = (...args: readonly string[]) => served.cli("send", ...args);

  beforeAll(async () => {
    served = await serveBroker("--keep-mail", "bob", "carl");
    const bob = await Agent.connect({ name: "bob", in: served.at.zmqIn, out: served.at.zmqOut });
    await bob.close();
  });
  afterAll(() => served.end());

  it("says that it is stored, and since when its receiver is away", async () => {
    expect(await send("carl", "hello")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: saying(/^stored; carl has not been here yet, and gets it when it comes, until \d{4}-/),
    });
    expect(await send("bob", "hello", "--from", "eve")).toMatchObject({
      code: 0,
      stderr: saying(/^stored; bob is away since \d{4}-\d\d-\d\d \d\d:\d\d \(\d+ s\), and gets it/),
    });
  });

  it("prints the receipt, for people and for programs", async () => {
    expect(await send("bob", "hello", "--receipt")).toMatchObject({ code: 0, stdout: saying(/^stored; bob is away/) });
    const { stdout } = await send("bob", "hello", "--receipt", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ to: "bob", state: "waiting", here: false });
    expect(await send("#general", "hello", "--receipt")).toMatchObject({ code: 2 });
    expect(await send("bob", "hello", "--wait", "--receipt")).toMatchObject({ code: 2 });
  });

  it("waits for an answer, says so at once, and that it is stored when none has come in time", async () => {
    expect(await send("bob", "how much?", "--wait", "1")).toMatchObject({
      code: 5,
      stdout: "",
      stderr: saying(
        /^stored; bob is away since [^\n]*; waiting 1 s for the answer\nbroker: bob did not answer within 1 s; the request is stored; bob is away since/,
      ),
    });
  });

  it("gets the answer of somebody who comes in time, and says nothing of a mailbox to somebody who is here", async () => {
    const asked = send("bob", "how much?", "--wait", "20");
    const bob = await Agent.connect({ name: "bob", in: served.at.zmqIn, out: served.at.zmqOut });
    bob.onRequest(() => "42");
    expect(await asked).toMatchObject({ code: 0, stdout: "42\n" });
    expect(await send("bob", "how much?", "--wait")).toMatchObject({ code: 0, stdout: "42\n", stderr: "" });
    await bob.close();
  });

  it("says that a mailbox is full, and that there is none", async () => {
    await served.cli("mailbox", "open", "dora", "--max", "4");
    const codes = [];
    for (let at = 0; at < 4; at += 1) codes.push((await send("dora", `number ${at}`, "--from", "eve")).code);
    expect(codes).toEqual([0, 4, 4, 4]);
    expect(await send("nobody", "hello")).toMatchObject({ code: 4, stderr: saying(/no agent nobody is here/) });
    const fred = await Agent.connect({ name: "fred", in: served.at.zmqIn, out: served.at.zmqOut });
    expect(await send("fred", "hello", "--receipt")).toMatchObject({ code: 0, stderr: saying(/has no mailbox/) });
    await fred.close();
  });
});
