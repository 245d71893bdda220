import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Program } from "../../kit/cli.js";
import { serve, startAgentchat, type Served } from "./binary.js";

interface Step {
  readonly type: string;
  readonly proposal_id: string;
  readonly status: string;
}

describe("agreements on the command line", () => {
  let served: Served;
  let worker: Program;
  let workerId: string;
  const asBoss = (...args: readonly string[]) => served.run(...args, "-i", "boss.json");
  beforeAll(async () => {
    served = await serve();
    await served.run("identity", "--generate", "-n", "boss", "-i", "boss.json");
    const made = await served.run("identity", "--generate", "-n", "worker", "--json"); // where the protocol keeps it
    workerId = (JSON.parse(made.stdout) as { agent_id: string }).agent_id;
    await listen();
  });
  afterAll(async () => {
    await worker.stop();
    await served.end();
  });
  const listen = async (): Promise<void> => {
    worker = startAgentchat(served.home, ["listen", served.url, "-i", ".agentchat/identity.json"]);
    for (let asked = 0; !(await served.run("agents", served.url, "#general")).stdout.includes(workerId); asked += 1)
      if (asked > 30) throw new Error("the worker did not come");
  };
  /** A step of the worker's: its listener makes room, since an identity has one session. */
  const asWorker = async (...args: readonly string[]) => {
    await worker.stop();
    const ended = await served.run(...args);
    await listen();
    return ended;
  };
  const propose = async (task: string, ...more: readonly string[]): Promise<string> => {
    const { code, stdout } = await asBoss("propose", served.url, workerId, task, ...more);
    expect(code).toBe(0);
    const [id = "", status] = stdout.trim().split(" ");
    expect(status).toBe("pending");
    return id;
  };

  it("are proposed, accepted, completed; the other party hears each step", async () => {
    const id = await propose(
      "review",
      "--amount",
      "5",
      "--currency",
      "USD",
      "--payment-code",
      "code",
      "--terms",
      "by noon",
      "--expires",
      "600",
    );
    const heard = await worker.prints(/"PROPOSAL"/);
    expect(JSON.parse(heard.split("\n").find((line) => line.includes('"PROPOSAL"')) ?? "")).toMatchObject({
      proposal_id: id,
      status: "pending",
      to: workerId,
      task: "review",
      amount: 5,
      currency: "USD",
      payment_code: "code",
      terms: "by noon",
      expires_in: 600,
    });
    expect(await asWorker("accept", served.url, id, "--payment-code", "mine")).toMatchObject({
      code: 0,
      stdout: `${id} accepted\n`,
    });
    const done = await asBoss("complete", served.url, id, "--proof", "commit 1", "--json");
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout) as Step).toMatchObject({
      type: "COMPLETE",
      proposal_id: id,
      status: "completed",
      proof: "commit 1",
    });
    await worker.prints(/"COMPLETE"/);
  });

  it("are rejected, or disputed once accepted; a step out of order is refused", async () => {
    const [one, two] = [await propose("one"), await propose("two")];
    expect(await asWorker("reject", served.url, one, "--reason", "no time")).toMatchObject({
      code: 0,
      stdout: `${one} rejected\n`,
    });
    expect(await asBoss("complete", served.url, one)).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("INVALID_PROPOSAL") as string,
    });
    expect(await asWorker("accept", served.url, two)).toEqual({ code: 0, stdout: `${two} accepted\n`, stderr: "" });
    expect(await asBoss("dispute", served.url, two, "not done")).toMatchObject({
      code: 0,
      stdout: `${two} disputed\n`,
    });
  });

  it("need a key, a partner who is there, and numbers that are some", async () => {
    expect(await asBoss("propose", served.url, "@nobody12", "review")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("AGENT_NOT_FOUND") as string,
    });
    expect(await asBoss("accept", served.url, "no-such-id")).toMatchObject({
      code: 4,
      stderr: expect.stringContaining("PROPOSAL_NOT_FOUND") as string,
    });
    expect(await served.run("propose", served.url, workerId, "review", "--amount", "much")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("a number") as string,
    });
    expect(await served.run("accept", served.url, "p1", "-i", "none.json")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("identity --generate") as string,
    });
  });
});
