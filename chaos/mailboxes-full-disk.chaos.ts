import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect } from "vitest";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { issueToken } from "../test/kit/tokens.js";
import { expectBoxExact, Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { scenario } from "./kit/scenario.js";

const fullAtKib = 2_048;
const text = "x".repeat(16_000);

scenario({
  number: 16,
  title: "a full disk under mailboxes",
  done: `The broker's files may not grow beyond ${String(fullAtKib)} KiB (RLIMIT_FSIZE, soft), and a mailbox takes messages of 16 KB until it cannot; then there is room again, and after that the broker is killed. What was told to be stored comes, and nothing else`,
  limitMs: 60_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { ulimit: `ulimit -S -f ${String(fullAtKib)}` });
    const token = await issueToken(broker.dataDir, "zed", "zmq");
    const zed = await new PlainAgent("zed", broker, { token }).meet();
    const away = await new PlainAgent("bob", broker, { declare: true }).meet();
    expect((await away.asks("mailbox.open")).content["kind"]).toBe("mailbox.open");
    const operator = await Operator.of(course, broker);
    const { zmqOut } = (await operator.look()).connections;
    away.close();
    // Its library takes, and proves, what comes before that.
    await operator.until(({ connections }) => connections.zmqOut < zmqOut, "the broker knows that bob has gone");
    const stored: string[] = [];
    const refusals: string[] = [];
    /** True if it was told to be stored. */
    const says = async (id: string): Promise<boolean> => {
      await zed.send("bob", "inform", text, { message_id: id, receipt: ["stored"] });
      const { message } = await zed.hears(
        ({ message: { in_reply_to: about, content } }) =>
          about === id ||
          (content["data"] as { readonly ids?: readonly string[] } | undefined)?.ids?.includes(id) === true,
      );
      const { kind, data } = message.content;
      if (kind === "receipt") stored.push(id);
      else refusals.push((data as { readonly code: string }).code);
      return kind === "receipt";
    };
    let next = 0;
    while (refusals.length < 5 && next < 240) await says(`m-${String((next += 1))}`);
    expect(refusals, "a full disk is told as such").toEqual(Array.from({ length: 5 }, () => "unavailable"));
    const storedBefore = stored.length;
    expect(storedBefore).toBeGreaterThan(20);
    const [full] = await operator.mailboxes();
    expect(full).toMatchObject({ agent: "bob", stored: storedBefore, waiting: storedBefore });
    expect(broker.isAlive).toBe(true);

    await promisify(execFile)("prlimit", ["--pid", String(broker.pid), "--fsize=unlimited"]);
    let tries = 1;
    while (!(await says(`m-${String((next += 1))}`)) && tries < 40) {
      tries += 1;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    for (let more = 0; more < 10; more += 1) expect(await says(`m-${String((next += 1))}`)).toBe(true);
    await settle(course, broker);
    await broker.kill();
    await broker.again();
    await operator.back();
    for (const box of await operator.mailboxes()) expectBoxExact(box);
    const bob = new PlainAgent("bob", broker, { declare: true });
    course.finally(() => {
      bob.close();
      zed.close();
    });
    const boxes = await operator.emptied(15_000);
    expect(boxes).toMatchObject([{ agent: "bob", stored: stored.length, done: stored.length }]);
    await bob.settled();
    expect(bob.heard.map(({ message }) => message.message_id)).toEqual(stored);
    course.note({
      "stored before the disk was full": storedBefore,
      "refused as unavailable": refusals.length,
      "tries until it took messages again": tries,
      "heard after the kill": bob.heard.length,
      lost: 0,
    });
  },
});
