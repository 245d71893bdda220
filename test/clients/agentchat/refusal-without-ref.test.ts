// Against a fake server (fake-server.ts) that says only what each test has it say.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { noCalls, refuseCall, type OpenKind } from "../../../clients/typescript/agentchat/calls.js";
import type { AgentChatClient, AgentChatError } from "../../../clients/typescript/agentchat/client.js";
import { errorCodes } from "../../../bridges/agentchat/schema.js";
import { fakeLine, told, type Peer } from "./fake-server.js";

describe("a message at a server that does not say what it refuses", () => {
  let client: AgentChatClient;
  let peer: Peer;
  let errors: readonly AgentChatError[];
  let end: () => Promise<void>;
  beforeEach(async () => {
    ({ client, peer, errors, end } = await fakeLine());
  });
  afterEach(() => end());
  /** Says a message, as far as the server's turn to answer. */
  async function saying(to = "#general", msgId = "m1"): Promise<{ readonly outcome: Promise<unknown> }> {
    const outcome = client.deliver(to, "hello", { msgId }).then(
      () => "taken",
      (thrown: unknown) => {
        const { code, call, msgId: id, ref } = thrown as AgentChatError;
        return { code, call, msgId: id, ref };
      },
    );
    await peer.hears("MSG");
    await peer.hears("PING");
    return { outcome };
  }

  it.each([
    "CHANNEL_NOT_FOUND",
    "NOT_INVITED",
    "AGENT_NOT_FOUND",
    "RATE_LIMITED",
    "INVALID_MSG",
    "INTERNAL",
    "AUTH_REQUIRED",
    "SOMETHING_NEW",
  ])("is refused by %s before PONG", async (code) => {
    const { outcome } = await saying();
    peer.says({ type: "ERROR", code, message: "no" }, { type: "PONG" });
    expect(await outcome).toEqual({ code, call: "MSG", msgId: "m1", ref: undefined });
    expect(errors).toEqual([]);
  });

  it("is taken when PONG came, and only something was refused that it cannot be", async () => {
    const { outcome } = await saying();
    peer.says({ type: "ERROR", code: "CHANNEL_EXISTS", message: "no" }, { type: "PONG" });
    expect(await outcome).toBe("taken");
    expect(errors).toMatchObject([{ code: "CHANNEL_EXISTS" }]);
  });

  it.each([
    ["by its id", { msg_id: "m1", content: "masked" }],
    ["by its text, under an id of the server's", { msg_id: "77", content: "hello" }],
    ["by its text, without an id", { content: "hello" }],
  ])("is taken when it comes back, %s, whatever becomes of the PING", async (_how, copy) => {
    const { outcome } = await saying();
    peer.says({ type: "MSG", from: "@me", to: "#general", ...copy });
    peer.says({ type: "ERROR", code: "INVALID_MSG", message: "unknown type" });
    expect(await outcome).toBe("taken");
  });

  it.each([
    ["one that is told again", { from: "@me", to: "#general", content: "hello", replay: true }],
    ["another's", { from: "@eve", to: "#general", content: "hello" }],
    ["one to somewhere else", { from: "@me", to: "#other", content: "hello" }],
    ["one with another text", { from: "@me", to: "#general", content: "hello!" }],
  ])("is not taken for %s", async (_what, other) => {
    const { outcome } = await saying();
    peer.says({ type: "MSG", ...other }, { type: "ERROR", code: "RATE_LIMITED", message: "no" });
    expect(await outcome).toMatchObject({ code: "RATE_LIMITED", msgId: "m1" });
  });

  it("is unknown when nothing is answered, and when the line is lost", async () => {
    await end();
    ({ client, peer, errors, end } = await fakeLine(50));
    expect(await (await saying()).outcome).toMatchObject({ code: "TIMEOUT", call: "MSG", msgId: "m1" });
    const lost = client.deliver("#general", "hello").catch((thrown: unknown) => (thrown as AgentChatError).code);
    await peer.hears("MSG");
    peer.socket.terminate();
    expect(await lost).toBe("CLOSED");
  });

  it("is the older of two that it can be, and the call before them if that can be refused so", async () => {
    const joining = client.join("#one").catch((thrown: unknown) => (thrown as AgentChatError).code);
    await peer.hears("JOIN");
    const [first, second] = [await saying("#one", "m1"), await saying("#one", "m2")];
    const refusal = { type: "ERROR", code: "NOT_INVITED", message: "no" };
    peer.says(refusal, refusal, { type: "PONG" }, { type: "PONG" });
    expect(await joining).toBe("NOT_INVITED");
    expect(await first.outcome).toMatchObject({ code: "NOT_INVITED", msgId: "m1" });
    expect(await second.outcome).toBe("taken");
  });

  it("is told by the event error if it was only sent", async () => {
    await client.send("#general", "hello", { msgId: "m1" });
    await peer.hears("MSG");
    const refused = told(client, "error");
    peer.says({ type: "ERROR", code: "RATE_LIMITED", message: "no" });
    expect(await refused).toMatchObject({ code: "RATE_LIMITED", call: "MSG", msgId: "m1" });
    const joining = client.join("#one"); // it is not refused in the message's place
    await peer.hears("JOIN");
    peer.says({ type: "ERROR", code: "INTERNAL", message: "no" });
    await expect(joining).rejects.toMatchObject({ code: "INTERNAL", call: "JOIN" });
  });
});

describe("which of what is open a refusal without ref is about", () => {
  const every: readonly OpenKind[] = [
    ...(["IDENTIFY", "VERIFY_IDENTITY", "JOIN", "LEAVE", "LIST_CHANNELS", "LIST_AGENTS", "CREATE_CHANNEL"] as const),
    ...(["INVITE", "PING", "PROPOSAL", "ACCEPT", "REJECT", "COMPLETE", "DISPUTE", "MSG"] as const),
  ];
  const anything = ["AUTH_REQUIRED", "INVALID_MSG", "RATE_LIMITED", "INTERNAL", "MADE_UP"];

  /** Whether a refusal with this code ends the only thing that is open. */
  function ends(code: string, kind: OpenKind): boolean {
    const calls = noCalls();
    let isEnded = false;
    const end = (): void => {
      isEnded = true;
    };
    calls.follow(kind, "m1", { answer: () => false, taken: end, refused: end });
    const left = refuseCall(calls, { type: "ERROR", ts: 1, code, message: "no" });
    expect(left === undefined).toBe(isEnded);
    return isEnded;
  }

  it.each(anything)("%s: anything", (code) => {
    expect(every.filter((kind) => !ends(code, kind))).toEqual([]);
  });

  it.each(errorCodes.filter((code) => !anything.includes(code)))(
    "%s: never a PING, which nothing else can be",
    (code) => {
      expect(ends(code, "PING")).toBe(false);
      expect(every.some((kind) => ends(code, kind))).toBe(code !== "SESSION_DISPLACED");
    },
  );

  it("keeps 256 messages that may still be refused, however many are sent", () => {
    const calls = noCalls();
    const refused: string[] = [];
    for (let n = 0; n < 1_000; n += 1)
      calls.follow("MSG", `m${n}`, {
        answer: () => false,
        taken: () => undefined,
        refused: () => refused.push(`m${n}`),
      });
    expect([...calls]).toHaveLength(256);
    refuseCall(calls, { type: "ERROR", ts: 1, code: "RATE_LIMITED", message: "no", ref: "m1" });
    refuseCall(calls, { type: "ERROR", ts: 1, code: "RATE_LIMITED", message: "no" });
    refuseCall(calls, { type: "ERROR", ts: 1, code: "RATE_LIMITED", message: "no", ref: "m999" });
    expect(refused).toEqual(["m744", "m999"]);
  });
});
