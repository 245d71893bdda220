import fc from "fast-check";
import { expect, it } from "vitest";
import { Channels } from "../../../../bridges/visualisation/channels/channels.js";
import type { ChannelPriority } from "../../../../bridges/visualisation/channels/channel.js";
import { HeldOwner } from "../../../kit/held-owner.js";

const ids = ["a", "b", "c", "d"] as const;
const ranks: readonly ChannelPriority[] = ["critical", "high", "normal", "low"];

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("say" as const), id: fc.constantFrom(...ids) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("shout" as const), id: fc.constantFrom(...ids) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("read" as const), room: fc.integer({ min: 1, max: 6 }) }) },
  fc.record({ do: fc.constant("hold" as const) }),
  fc.record({ do: fc.constant("close" as const), id: fc.constantFrom(...ids) }),
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("create" as const),
      id: fc.constantFrom(...ids),
      priority: fc.constantFrom(...ranks),
      dedicated: fc.boolean(),
      bufferSize: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

interface Model {
  readonly priority: ChannelPriority;
  readonly dedicated: boolean;
  readonly bufferSize: number;
  dropped: number;
}

/** One list of all that waits, looked through each time. */
class Naive {
  readonly channels = new Map<string, Model>();
  waiting: { readonly id: string; readonly number: number }[] = [];
  readonly sent: { readonly id: string; readonly number: number }[] = [];

  say(id: string, number: number, owner: HeldOwner): void {
    const channel = this.channels.get(id);
    if (channel === undefined) return;
    if (!owner.isHeld && this.waiting.length === 0) {
      this.sent.push({ id, number });
      return;
    }
    const beside = (other: string): boolean =>
      channel.dedicated ? other === id : this.channels.get(other)?.dedicated === false;
    const sizes = [...this.channels.entries()].filter(([other]) => beside(other)).map(([, one]) => one.bufferSize);
    while (this.waiting.filter((one) => beside(one.id)).length >= Math.max(...sizes)) {
      const oldest = this.waiting.findIndex((one) => beside(one.id));
      const [gone] = this.waiting.splice(oldest, 1);
      const loser = gone === undefined ? undefined : this.channels.get(gone.id);
      if (loser !== undefined) loser.dropped += 1;
    }
    this.waiting.push({ id, number });
  }

  /** What goes out next. */
  next(): { readonly id: string; readonly number: number } | undefined {
    const rankOf = (id: string): number => ranks.indexOf(this.channels.get(id)?.priority ?? "low");
    const [first] = [...this.waiting].sort((one, other) => rankOf(one.id) - rankOf(other.id));
    this.waiting = this.waiting.filter((one) => one !== first);
    return first;
  }
}

it("channels agree with a list that is looked through, and numbers are missing only where something was dropped", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const owner = new HeldOwner();
      const channels = new Channels(owner);
      const naive = new Naive();
      const last = new Map<string, { said: number; delivered: number }>();
      let number = 0;
      let seen = 0;
      const check = (): void => {
        expect(owner.sent.map(({ channel: id, message }) => ({ id, number: message }))).toEqual(naive.sent);
        for (; seen < owner.sent.length; seen += 1) {
          const { channel, sequence } = owner.sent[seen] ?? { channel: "", sequence: 0 };
          const counts = last.get(channel) ?? { said: 0, delivered: 0 };
          // What was dropped since it was made, and nothing else, is missing.
          expect(sequence).toBe(counts.delivered + 1 + (naive.channels.get(channel)?.dropped ?? 0));
          last.set(channel, { ...counts, delivered: counts.delivered + 1 });
        }
      };
      const finish = (id: string, told: number): void => {
        const counts = last.get(id);
        const model = naive.channels.get(id);
        naive.waiting = naive.waiting.filter((one) => {
          if (one.id === id && model !== undefined) model.dropped += 1;
          return one.id !== id;
        });
        expect(told).toBe(model?.dropped);
        expect((counts?.delivered ?? 0) + told).toBe(counts?.said ?? 0);
        naive.channels.delete(id);
        last.delete(id);
      };
      for (const one of steps) {
        if (one.do === "create" && !naive.channels.has(one.id)) {
          const { id, priority, dedicated, bufferSize } = one;
          channels.create({ channelId: id, priority, dedicated, bufferSize });
          naive.channels.set(id, { priority, dedicated, bufferSize, dropped: 0 });
          last.set(id, { said: 0, delivered: 0 });
        } else if (one.do === "say" || one.do === "shout") {
          number += 1;
          const counts = last.get(one.id);
          if (counts !== undefined) counts.said += 1;
          if (one.do === "say") naive.say(one.id, number, owner);
          else if (naive.channels.has(one.id)) naive.sent.push({ id: one.id, number });
          expect(channels.say(one.id, String(number), one.do === "shout")).toBe(naive.channels.has(one.id));
        } else if (one.do === "hold") {
          owner.isHeld = true;
        } else if (one.do === "read") {
          owner.isHeld = false;
          for (let room = one.room; room > 0; room -= 1) {
            const next = naive.next();
            if (next === undefined) break;
            naive.sent.push(next);
          }
          owner.room = one.room;
          channels.flush();
          owner.room = Infinity;
          owner.isHeld = naive.waiting.length > 0;
        } else if (one.do === "close" && naive.channels.has(one.id)) {
          finish(one.id, channels.close(one.id)?.dropped ?? 0);
        }
        check();
      }
      for (const id of [...naive.channels.keys()]) finish(id, channels.close(id)?.dropped ?? 0);
      expect(channels.buffered).toBe(0);
    }),
  );
});
