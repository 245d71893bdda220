import { expect } from "vitest";
import { keyFor } from "../test/kit/agentchat-keys.js";
import { startBroker } from "../test/kit/broker.js";
import { ChatWire } from "../test/kit/chat-wire.js";
import { PanWire } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { defaultLimits, systemClock } from "../src/core/index.js";
import { DataDirectory } from "../src/storage/index.js";
import { IdentityTokens } from "../src/identity/index.js";
import { expectExact } from "./kit/accounts.js";
import { enterProved, offer } from "./kit/proved-chat.js";
import { scenario } from "./kit/scenario.js";
import { jumpingClock } from "./kit/wall-clock.js";

const dayMs = 86_400_000;
const jumps = [dayMs, 0, -dayMs, 0, 3_600_000, -3_600_000, 0];

scenario({
  number: 6,
  title: "the wall clock jumps",
  done: "A broker in the process of the test, whose Date jumps by a day and by an hour, forth and back; the jump is made inside that process, the machine's clock stays. After each jump: a talk, a request, a message that has expired and one that has not, a login, a token of 12 hours, a proposal of an hour",
  limitMs: 60_000,
  async run(course) {
    const jump = jumpingClock(course);
    const at = await startBroker({
      limits: { agentchatRatePerSecond: 0, panRatePerSecond: 1_000, panRateBurst: 1_000 },
    });
    course.finally(() => at.stop());
    const chatUrl = at.pan.replace("/pan", "/agentchat");
    const identity = new IdentityTokens({
      dataDirectory: new DataDirectory(at.dataDir),
      clock: systemClock,
      limits: defaultLimits,
      reserved: [],
      damaged: (fault) => {
        throw fault;
      },
    });
    identity.load();
    const token = await identity.issue({ kind: "ws", subject: "bot", ttlMs: dayMs / 2 });
    const [ada, bob] = [
      await new PlainAgent("ada", at, { declare: true }).meet(),
      await new PlainAgent("bob", at, { declare: true }).meet(),
    ];
    const guest = await ChatWire.enter(chatUrl, "guest");
    const [one, other] = [keyFor("one"), keyFor("other")];
    course.finally(() => {
      for (const thing of [ada, bob, guest]) thing.close();
    });
    const expiresIn = (ms: number): string => new Date(Date.now() + ms).toISOString();
    let rounds = 0;
    for (const offset of jumps) {
      jump(offset);
      rounds += 1;
      const asked = await ada.send("bob", "request", `round ${String(rounds)}`, { expires_at: expiresIn(60_000) });
      const { message } = await bob.hears(({ message: { message_id: id } }) => id === asked.message_id);
      await bob.send("ada", "response", "yes", { in_reply_to: message.message_id });
      await ada.hears(({ message: { in_reply_to: to } }) => to === asked.message_id);
      guest.say({ type: "MSG", to: "@ada", content: `guest ${String(rounds)}` });
      await ada.hears(({ message: { content } }) => content.message === `guest ${String(rounds)}`);
      await ada.send(guest.id.slice(1), "inform", "late", { expires_at: expiresIn(-1_000) });
      await ada.send(guest.id.slice(1), "inform", `in time ${String(rounds)}`, { expires_at: expiresIn(1_000) });
      await guest.text(`in time ${String(rounds)}`);
      expect(
        guest.frames.filter(({ content }) => content === "late"),
        "what has expired by the clock is not told",
      ).toEqual([]);

      const login = PanWire.login(at.pan, "bot", token).then(
        (wire) => {
          wire.close();
          return true;
        },
        () => false,
      );
      const isValid = offset < dayMs / 2;
      if (isValid)
        expect(await login, "a token holds until its time by the clock, and again when the clock is put back").toBe(
          true,
        );
      else {
        const wire = await PanWire.open(at.pan);
        wire.say({ type: "auth", agentId: "bot", token });
        expect(await wire.hears("error")).toMatchObject({ code: "AUTH_FAILED" });
        wire.close();
      }

      const [proposer, proposee] = [await enterProved(chatUrl, one), await enterProved(chatUrl, other)];
      const task = `task ${String(rounds)}`;
      proposer.say({ ...offer(one, other, task), expires: 3_600, sig: one.signs(`@${other.id}|${task}||||3600`) });
      const { id } = await proposer.hears(({ type }) => type === "PROPOSAL");
      const accept = { type: "ACCEPT", proposal_id: id, sig: other.signs(`ACCEPT|${String(id)}|`) };
      if (rounds % 2 === 0) {
        jump(offset + 2 * 3_600_000);
        proposee.say(accept);
        expect(await proposee.hears(({ type }) => type === "ERROR")).toMatchObject({ code: "PROPOSAL_EXPIRED" });
        jump(offset);
      } else {
        proposee.say(accept);
        await proposee.hears(({ type, status }) => type === "ACCEPT" && status === "accepted");
      }
      for (const wire of [proposer, proposee]) wire.close();
      expectExact(at.broker.status());
    }
    course.note({
      jumps: jumps.length,
      "expired, dropped": at.broker.status().ledger.copies.dropped.expired + at.broker.status().ledger.messages.refused,
    });
  },
});
