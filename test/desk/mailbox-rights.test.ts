import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settled } from "../../src/conformance/conversation.js";
import { allScopes, type Scope } from "../../src/core/index.js";
import { deskKinds } from "../../src/desk/kinds.js";
import { proved, ZeromqWorld } from "../kit/zeromq-world.js";

const id = "1-00000000000000000000000000000000";
/** All that can be asked about somebody else's mailbox, with the fields that it takes. */
const asked: Readonly<Record<string, object>> = {
  "mailbox.open": { mode: "take" },
  "mailbox.status": {},
  "mailbox.close": { discard: true },
  "mailbox.take": {},
  "mailbox.done": { ids: [id] },
  "mailbox.extend": { ids: [id] },
  "mailbox.release": { ids: [id] },
  "mailbox.refuse": { ids: [id] },
  "mailbox.redeliver": { ids: [id] },
  "mailbox.peek": {},
};
const scopes: Readonly<Record<Scope, "refused" | "answered">> = {
  observe: "refused",
  inspect: "refused",
  control: "refused",
  approve: "refused",
  edit: "refused",
  proxy: "refused",
  operate: "answered",
};

describe("somebody else's mailbox", () => {
  let world: ZeromqWorld;
  /** The id of what waits in it. */
  let said: string;
  beforeEach(async () => {
    world = new ZeromqWorld({ brokerRateBurst: 10_000 });
    await world.mailboxes.open({ name: "bob", trust: "proved", proof: "token:bob" }, {});
    said = world.send(world.publisher(), "ada", "bob", "inform", { message: "secret" });
  });
  afterEach(async () => {
    expect(world.isExact).toBe(true);
    await world.close();
  });

  /** Asks as `name`, claimed or with a token of these scopes. @returns what it is told, JSON */
  async function told(name: string, kind: string, data: object, rights?: readonly Scope[]): Promise<string> {
    const facts = rights === undefined ? {} : { principal: proved(name, rights) };
    const ear = world.subscriber([name], facts);
    world.send(world.publisher(facts), name, "$broker", "request", { message: kind, kind, data });
    await settled();
    expect(ear.heard).toHaveLength(1);
    return JSON.stringify(ear.heard);
  }

  it("is all that the desk knows of mailboxes, but for the list, and where one's own messages are", () => {
    const kinds = Object.keys(deskKinds).filter((kind) => kind.startsWith("mailbox."));
    expect([...kinds].sort()).toEqual([...Object.keys(asked), "mailbox.list", "mailbox.state"].sort());
  });

  describe.each(Object.entries(asked))("%s", (kind, data) => {
    it.each(Object.entries(scopes))("with scope %s is %s", async (scope, expected) => {
      const answer = await told("eve", kind, { agent: "bob", ...data }, [scope as Scope]); // a key of `scopes`
      if (expected === "answered") expect(answer).not.toContain('"fault"');
      else {
        expect(answer).toContain('"forbidden"');
        expect(answer).not.toContain("secret");
        expect(world.mailboxes.status("bob")).toMatchObject({ mode: "push", counts: { waiting: 1, leased: 0 } });
      }
    });

    it("without a token is refused, also for who says the owner's name", async () => {
      for (const name of ["eve", "bob"]) {
        const answer = await told(name, kind, name === "bob" ? data : { agent: "bob", ...data });
        expect(answer).toMatch(/forbidden|proves/);
        expect(answer).not.toContain("secret");
      }
      expect(world.mailboxes.status("bob")).toMatchObject({ mode: "push", counts: { waiting: 1, leased: 0 } });
    });
  });

  it("is on no list but the operator's, and its messages are told to who sent them alone", async () => {
    for (const scope of allScopes.filter((one) => one !== "operate"))
      expect(await told(scope, "mailbox.list", {}, [scope])).toContain('"forbidden"');
    expect(await told("boss", "mailbox.list", {}, ["operate"])).toContain('"agent":"bob"');
    const data = { message_id: said };
    expect(await told("eve", "mailbox.state", data, ["inspect"])).toContain('"deliveries":[]');
    expect(await told("ada", "mailbox.state", data)).toContain('"to":"bob"');
  });
});
