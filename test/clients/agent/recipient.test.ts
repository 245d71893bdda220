import { describe, expect, it } from "vitest";
import { MemoryLink } from "../../../clients/typescript/agent/link-memory.js";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { Exchange, Ledger, Message, Router } from "../../../src/core/index.js";

function inside(): { link: MemoryLink; heard: string[]; exchange: Exchange } {
  const exchange = new Exchange(new Router(), new Ledger(), new FakeClock(), () => "id");
  const heard: string[] = [];
  const presence = { join: () => true, leave: () => true, depart: () => undefined };
  const link = new MemoryLink("bob", { exchange, newId: () => "id", arrive: () => presence }, (_topic, payload) => {
    heard.push(payload.toString());
  });
  return { link, heard, exchange };
}

const waiting = (text: string): Message =>
  Message.ofWritten(Buffer.from(text), { topic: "bob", receivedAt: 0, trust: "proved", origin: undefined });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("an agent in the broker's own process to which what waited is handed over (protocols §9.1)", () => {
  it("has what it takes: it is heard in order, then proved", async () => {
    const { link, heard, exchange } = inside();
    const recipient = exchange.router.route("bob")?.readers[0]?.recipient;
    expect(recipient).toMatchObject({ canProve: true, principal: { agent: "bob", trust: "proved" } });
    expect(["one", "two"].map((text) => recipient?.push(waiting(text)))).toEqual(["taken", "taken"]);
    const proved: string[][] = [];
    recipient?.prove({}, (tookMs) => proved.push([String(tookMs), ...heard]));
    expect(proved).toEqual([]);
    await turn();
    expect(proved).toEqual([["0", "one", "two"]]);
    expect(exchange.ledger.copies).toMatchObject({ copies: 2, written: 2, pending: 0 });
    await link.close();
  });

  it("proves nothing and takes nothing once it is closed", async () => {
    const { link, exchange } = inside();
    const proved: number[] = [];
    link.push(waiting("one"));
    link.prove({}, (tookMs) => proved.push(tookMs));
    await link.close();
    await turn();
    expect([link.push(waiting("two")), proved, exchange.ledger.copies.copies]).toEqual(["closed", [], 1]);
  });
});
