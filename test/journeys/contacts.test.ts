import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import {
  chat,
  listed,
  local,
  network,
  operator,
  pan,
  zmq,
  type Asker,
  type Member,
  type Party,
} from "../kit/contact-parties.js";
import { listedContacts } from "../kit/listed-dialect.js";
import { issueToken } from "../kit/tokens.js";

const refusal = (one: string, other: string): string =>
  `not approved: ${one} and ${other} are no contacts of each other; the operator can make them that ` +
  `(broker contacts add ${one} ${other})`;

describe.each([
  ["Agent Network", network, () => ({ "agent-network": { contacts: "listed" } }) as const],
  ["a dialect from elsewhere", listed, listedContacts],
] as const)(
  "agents of %s that have to do with approved contacts only (protocols §1.20)",
  (_dialect, enterListed, options) => {
    let at: TestBroker;
    let open: Party[];
    const keep = async <P extends Party>(party: P | Promise<P>): Promise<P> => {
      const here = await party;
      open.push(here);
      return here;
    };
    let nadia: Member;
    let boss: Asker;
    /** Changes the list, as `broker contacts` does. */
    const change = async (kind: "add" | "remove", one: string, other: string): Promise<void> => {
      expect((await boss.ask(`contacts.${kind}`, { agent: one, other })).data).toMatchObject({
        changed: true,
        listed: true,
      });
    };

    beforeEach(async () => {
      open = [];
      at = await startBroker({
        ...options(),
        limits: { zmqNamingMs: 10, agentchatRatePerSecond: 0, networkRatePerSecond: 0 },
      });
      boss = await keep(operator(at));
      nadia = await keep(enterListed(at, "nadia"));
    });
    afterEach(async () => {
      for (const party of open) await party.close();
      const { messages } = at.broker.status().ledger;
      expect(messages.accepted).toBe(
        messages.routed + messages.stored + messages.refused + messages.unroutable + messages.malformed,
      );
      await at.stop();
    });

    const strangers: readonly (readonly [string, () => Promise<Party> | Party])[] = [
      ["the same dialect", () => enterListed(at, "other")],
      ["PAN", () => pan(at, "other")],
      ["AgentChat", () => chat(at, "other")],
      ["ZeroMQ", () => zmq(at, "other")],
      ["the broker's own process", () => local(at, "other")],
    ];

    it.each(strangers)("hear and reach %s only once both are approved, and no longer than that", async (_, enter) => {
      const other = await keep(enter());
      const pairs = [
        [other, nadia],
        [nadia, other],
      ] as const;
      for (const [from, to] of pairs) {
        await from.say(to.name, "too early");
        expect(await from.refused()).toBe(refusal(from.name, to.name));
        await to.settled();
        expect(to.has("too early")).toBe(false);
      }
      await change("add", nadia.name, other.name);
      for (const [from, to] of pairs) {
        await from.say(to.name, `approved, by ${from.name}`);
        await to.hears(`approved, by ${from.name}`);
      }
      await change("remove", other.name, nadia.name);
      for (const [from, to] of pairs) {
        await from.say(to.name, "too late");
        expect(await from.refused()).toBe(refusal(from.name, to.name));
        await to.settled();
        expect(to.has("too late")).toBe(false);
      }
      expect(at.broker.status().ledger.reasons["not-approved"]).toBeGreaterThanOrEqual(2);
    });

    it.each(strangers)("are shown to %s, and shown it, once both are approved", async (_, enter) => {
      const other = await keep(enter());
      expect(await other.sees()).not.toContain("nadia");
      expect(await nadia.sees()).toEqual(["nadia"]);
      await change("add", "nadia", other.name);
      expect(await other.sees()).toContain("nadia");
      expect(await nadia.sees()).toEqual(["nadia", other.name].sort());
      await change("remove", "nadia", other.name);
      expect(await other.sees()).not.toContain("nadia");
      expect(await boss.sees()).toEqual(expect.arrayContaining(["nadia", other.name]));
    });

    it("leave all others alone, and rooms, broadcasts and the operator to everybody", async () => {
      const [pia, zoe] = [await keep(pan(at, "pia")), await keep(zmq(at, "zoe"))];
      await pia.say("zoe", "as ever");
      await zoe.hears("as ever");
      expect([await pia.sees(), await zoe.sees()]).toEqual([
        ["pia", "zoe"],
        ["pia", "zoe"],
      ]);
      await nadia.join("#general");
      await pia.join("#general");
      await nadia.say("#general", "in the room");
      await pia.hears("in the room");
      await pia.say("#general", "to the room");
      await nadia.hears("to the room");
      await pia.say("all", "to everybody");
      await nadia.hears("to everybody");
      await boss.say("nadia", "from the operator");
      await nadia.hears("from the operator");
      await nadia.say("operator", "to the operator");
      await boss.hears("to the operator");
    });

    it("say the same of who is here, who was, and who never was", async () => {
      const [pia, nils] = [await keep(pan(at, "pia")), await keep(enterListed(at, "nils"))];
      for (const state of ["here", "away"]) {
        await pia.say("nils", state);
        expect(await pia.refused(), state).toBe(refusal("pia", "nils"));
        await nils.close();
      }
      await keep(pan(at, "paul"));
      for (const name of ["nobody", "paul", "nils"]) {
        await nadia.say(name, "hello?");
        expect(await nadia.refused()).toBe(refusal("nadia", name));
      }
      await change("add", "nadia", "nobody");
      await nadia.say("nobody", "hello?");
      expect(await nadia.refused()).toContain("no agent nobody is here");
    });

    it("remember over a restart who was here, and who is approved", async () => {
      const nils = await keep(enterListed(at, "nils"));
      await change("add", "nadia", "nils");
      for (const party of open) await party.close();
      open = [];
      const { dataDir } = at;
      await at.broker.stop();
      at = await startBroker({ ...options(), dataDir });
      const pia = await keep(pan(at, "pia"));
      await pia.say("nils", "hello?");
      expect(await pia.refused()).toBe(refusal("pia", "nils"));
      const [again, other] = [await keep(enterListed(at, "nadia")), await keep(enterListed(at, nils.name))];
      await again.say("nils", "as before");
      await other.hears("as before");
    });

    it("come and go unseen: events of them are for who may inspect", async () => {
      const [zoe, tap] = [await keep(zmq(at, "zoe", ["$events"])), await keep(zmq(at, "tap", [""]))];
      const nils = await keep(enterListed(at, "nils"));
      await boss.hears("nils is online");
      await nils.close();
      await boss.hears("nils is offline");
      await keep(pan(at, "pia"));
      for (const ear of [zoe, tap]) {
        await ear.hears("pia is online");
        await ear.settled();
        expect([ear.has("nils is online"), ear.has("nils is offline")]).toEqual([false, false]);
      }
      const page = await (
        await fetch(at.pan.replace(/^ws(.*)pan$/, "http$1"), { headers: { accept: "text/html" } })
      ).text();
      expect([page.includes("pia"), page.includes("nadia")]).toEqual([true, false]);
    });

    it("cannot be invited by strangers, who do not learn whether they are here", async () => {
      const pia = await keep(pan(at, "pia"));
      await pia.join("#den");
      await (await enterListed(at, "nils")).close();
      for (const agent of ["nadia", "nils"])
        expect((await pia.ask("room.invite", { room: "#den", agent })).message).toBe(refusal("pia", agent));
      await change("add", "nadia", "pia");
      expect((await pia.ask("room.invite", { room: "#den", agent: "nadia" })).message).toContain("nadia");
    });

    it("get nothing out of a mailbox that strangers said before the name came to this dialect", async () => {
      const token = await issueToken(at.dataDir, "ned", "ws");
      await boss.ask("mailbox.open", { agent: "ned" });
      const [pia, paul] = [await keep(pan(at, "pia")), await keep(pan(at, "paul"))];
      await pia.say("ned", "from a stranger");
      await paul.say("ned", "from a contact");
      for (const party of [pia, paul]) await party.settled();
      await change("add", "ned", "paul");
      const ned = await keep(enterListed(at, "ned", token));
      await ned.hears("from a contact");
      await ned.settled();
      expect(ned.has("from a stranger")).toBe(false);
      const { data } = await boss.ask("mailbox.peek", { agent: "ned", dead: true });
      expect(data).toMatchObject({
        messages: [{ reason: "unrenderable", message: { from: "pia" } }],
      });
      expect(await pia.refused()).toBe("the request to ned is dead: unrenderable");
      await pia.say("ned", "again");
      expect(await pia.refused()).toBe(refusal("pia", "ned"));
    });
  },
);
