// How much memory mailboxes take: prints the bytes of an empty box, and of a message of each type that waits, as JSON.
// They stand alone, without the agents that own them; a message is the difference that it makes in a box that is used.
//   node --expose-gc mail-memory.mjs FOLDER BOXES MESSAGES_EACH
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { defaultLimits, Exchange, Ledger, LoopClock, Message, Router } from "../../dist/src/core/index.js";
import { Mailboxes, MailStoreLmdb } from "../../dist/src/mailbox/index.js";

const [folder, boxes, each] = process.argv.slice(2).map((word, at) => (at === 0 ? word : Number(word)));
const text = "x".repeat(60);

/** Mailboxes on a disk of their own. */
async function open(name) {
  const clock = new LoopClock();
  const router = new Router();
  const exchange = new Exchange(router, new Ledger(), clock, randomUUID);
  const store = new MailStoreLmdb({ path: join(folder, name), failed: console.error });
  const mailboxes = new Mailboxes({
    ...{ store, exchange, clock, limits: defaultLimits, newId: randomUUID, log: console.error, mayClaim: true },
    tell: () => undefined,
    isProtected: () => false,
  });
  await mailboxes.start();
  const say = (to, type) => {
    const said = { message_id: randomUUID(), from: `sender-${Math.floor(Math.random() * 8)}`, to, type };
    const payload = { ...said, timestamp: new Date().toISOString(), priority: "NORMAL", content: { message: text } };
    const arrival = { topic: to, receivedAt: clock.now(), trust: "proved", origin: undefined };
    if (exchange.submit(Message.fromPayload(Buffer.from(JSON.stringify(payload)), arrival)).stored !== true)
      throw new Error(`a message for ${to} was not stored`);
  };
  return { mailboxes, say };
}

/** Bytes of the heap and of buffers outside, once all is on the disk and nothing is left to be collected. */
async function held({ mailboxes }) {
  await (
    await mailboxes.written()
  ).kept;
  let least = Infinity;
  for (let time = 0; time < 8; time += 1) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

async function box() {
  const world = await open("box");
  const make = async (from, to) => {
    for (let at = from; at < to; at += 100)
      await Promise.all(
        Array.from({ length: 100 }, (_, more) =>
          world.mailboxes.open({ name: `box-${at + more}`, trust: "proved" }, {}),
        ),
      );
  };
  const count = boxes * 120;
  await make(0, 2_000); // what is made once is there then
  const some = await held(world);
  await make(2_000, count);
  const bytes = ((await held(world)) - some) / (count - 2_000);
  await world.mailboxes.stop();
  return bytes;
}

async function message(type) {
  const world = await open(type);
  const names = Array.from({ length: boxes }, (_, at) => `box-${at}`);
  for (const name of names) await world.mailboxes.open({ name, trust: "proved" }, {});
  for (const name of names) world.say(name, type);
  const used = await held(world);
  for (const name of names) {
    for (let said = 1; said < each; said += 1) world.say(name, type);
    await (
      await world.mailboxes.written()
    ).kept;
  }
  const bytes = ((await held(world)) - used) / (boxes * (each - 1));
  await world.mailboxes.stop();
  return bytes;
}

console.log(JSON.stringify({ box: await box(), inform: await message("inform"), request: await message("request") }));
process.exit(0);
