import { describe, expect, it } from "vitest";
import type { MsgEvent } from "../../../bridges/agentchat/events.js";
import {
  lostLine,
  messageLine,
  negotiationLine,
  ownPresenceLine,
  presenceLine,
} from "../../../src/cli/agentchat/event-lines.js";
import { painter, untrustedText } from "../../../src/cli/output.js";

const plain = painter(false, {});
const said: MsgEvent = {
  type: "MSG",
  ts: 0,
  from: "@ab12cd34",
  from_name: "ada",
  to: "#general",
  content: "hello",
  msg_id: "1",
};

describe("what agentchat connect shows", () => {
  it("tells where, who and what of a message, and whether it is direct, earlier or badly signed", () => {
    expect(messageLine(said, plain)).toBe("#general ada @ab12cd34: hello");
    expect(messageLine({ ...said, to: "@me" }, plain)).toBe("direct ada @ab12cd34: hello");
    expect(messageLine({ ...said, replay: true }, plain)).toContain("(earlier)");
    expect(messageLine({ ...said, verified: false }, plain)).toContain("does not verify");
    expect(messageLine({ ...said, from: "@bob", from_name: "bob" }, plain)).toBe("#general @bob: hello");
  });

  it("tells who came and went, and every step of an agreement", () => {
    expect(presenceLine({ type: "AGENT_JOINED", channel: "#dev", agent: "@ab12cd34", ts: 1 }, plain)).toBe(
      "#dev @ab12cd34 joined",
    );
    expect(presenceLine({ type: "AGENT_LEFT", channel: "#dev", agent: "@ab12cd34", ts: 1 }, plain)).toBe(
      "#dev @ab12cd34 left",
    );
    const named = { type: "AGENT_JOINED", channel: "#dev", agent: "@ab12cd34", ts: 1 } as const;
    expect(presenceLine({ ...named, name: "ada" }, plain)).toBe("#dev ada @ab12cd34 joined");
    expect(presenceLine({ ...named, agent: "@ada", name: "ada" }, plain)).toBe("#dev @ada joined");
    const step = {
      type: "PROPOSAL",
      id: "p1",
      proposal_id: "p1",
      from: "@a",
      to: "@b",
      status: "pending",
      sig: "",
      task: "review",
      amount: 5,
      currency: "USD",
    } as const;
    expect(negotiationLine(step, plain)).toBe("proposal p1 @a to @b: review 5 USD (pending)");
  });

  it("tells where this agent itself has come in, who is there, and what it has left", () => {
    const agents = ["@ab12cd34", "@bob"];
    expect(
      ownPresenceLine({ type: "JOINED", channel: "#dev", agents, names: { "@ab12cd34": "ada\u001b" }, ts: 1 }, plain),
    ).toBe("you are in #dev; there: ada\ufffd @ab12cd34, @bob");
    expect(ownPresenceLine({ type: "JOINED", channel: "#dev", agents, ts: 1 }, plain)).toMatch(/: @ab12cd34, @bob$/);
    expect(ownPresenceLine({ type: "LEFT", channel: "#dev", agent: "@bob", ts: 1 }, plain)).toBe("you have left #dev");
  });

  it("tells when a lost connection is tried again", () => {
    expect([lostLine(0), lostLine(1_500)]).toEqual([
      "the connection is lost; the next try comes at once",
      "the connection is lost; the next try is in 2 s",
    ]);
  });

  it("lets no stranger steer the terminal: escape, bell, direction marks, a faked further line", () => {
    expect(untrustedText("\u001b[2J\u0007\u009b31m\u202ex")).toBe("\ufffd[2J\ufffd\ufffd31m\ufffdx");
    expect(untrustedText("a\u007fb\u061cc\u200ed\u200fe\u2028f\u2029g\u2066h")).toBe(
      "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg\ufffdh",
    );
    expect(untrustedText("one\r\n#general boss @boss: two")).toBe("one\n    #general boss @boss: two");
    expect(untrustedText(untrustedText("one\ntwo"))).toBe("one\n    two");
    const line = messageLine({ ...said, from: "@a\u001b", from_name: "b\u001b", content: "c\u001b" }, plain);
    expect(line).not.toContain("\u001b");
  });

  it("has colours on a terminal that wants them only", () => {
    expect(painter(true, { TERM: "xterm" })("red", "x")).toBe("\u001b[31mx\u001b[39m");
    expect(painter(true, { TERM: "xterm", NO_COLOR: "1" })("red", "x")).toBe("x");
    expect(painter(true, { TERM: "dumb" })("red", "x")).toBe("x");
    expect(painter(false, { TERM: "xterm" })("red", "x")).toBe("x");
  });
});
