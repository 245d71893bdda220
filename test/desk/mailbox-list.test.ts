import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { namePage } from "../../src/mailbox/name-page.js";
import { proved, ZeromqWorld } from "../kit/zeromq-world.js";

interface Page {
  readonly mailboxes: readonly { readonly agent: string }[];
  readonly next?: string;
}

describe("mailbox.list (protocols §9.11)", () => {
  let world: ZeromqWorld;
  beforeEach(() => {
    world = new ZeromqWorld();
  });
  afterEach(async () => {
    await world.close();
  });

  function operator() {
    const ears = world.subscriber([], { principal: proved("operator", ["operate"]) });
    const by = world.publisher({ principal: proved("operator", ["operate"]) });
    return (data: unknown) => world.ask(by, "operator", ears, "mailbox.list", data)[0];
  }

  it("gives pages of as many boxes as are asked for, in the order of their names, each once", async () => {
    const names = Array.from({ length: 1_203 }, (_, at) => `box ${String((at * 7) % 1_203)}`);
    await Promise.all(names.map((name) => world.mailboxes.open({ name, trust: "proved" }, {})));
    const ask = operator();
    for (const [max, pages] of [
      [100, 13],
      [401, 3],
      [undefined, 3],
      [1_000, 2],
    ] as const) {
      const found: string[][] = [];
      let after: string | undefined;
      do {
        const page = ask({ ...(max !== undefined && { max }), ...(after !== undefined && { after }) })?.data as Page;
        found.push(page.mailboxes.map(({ agent }) => agent));
        after = page.next;
      } while (after !== undefined);
      expect(found.length, String(max)).toBe(pages);
      expect(found.flat()).toEqual(names.toSorted());
    }
    expect(ask({ after: "~" })?.data).toEqual({ mailboxes: [] });
  });

  it.each([{ max: 0 }, { max: 1_001 }, { max: 1.5 }, { after: 7 }])("refuses %j", (data) => {
    expect(operator()(data)).toMatchObject({ kind: "fault", data: { code: "malformed" } });
  });

  it("writes nothing for who asks where its message stands while nothing is on its way", async () => {
    await world.mailboxes.open({ name: "bob", trust: "proved" }, {});
    const write = vi.spyOn(world.mailboxes.store, "write");
    const ada = world.subscriber(["ada"]);
    const by = world.publisher();
    world.ask(by, "ada", ada, "mailbox.state", { message_id: "none" });
    await vi.waitFor(() => {
      expect(ada.heard.at(-1)).toMatchObject({ kind: "mailbox.state", data: { deliveries: [] } });
    });
    expect(write).not.toHaveBeenCalled();
  });

  it("agrees with a sorted list, whatever the names, the place and the size", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: "binary", maxLength: 3 })),
        fc.option(fc.string({ unit: "binary", maxLength: 3 }), { nil: undefined }),
        fc.integer({ min: 1, max: 8 }),
        (names, after, max) => {
          const behind = names.filter((name) => after === undefined || name > after).sort();
          expect(namePage(names, { after, max })).toEqual([behind.slice(0, max), behind.length > max]);
        },
      ),
    );
  });
});
