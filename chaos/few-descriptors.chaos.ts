import { expect } from "vitest";
import { eventually } from "../test/kit/broker.js";
import { panToken, PanWire } from "../test/kit/pan-wire.js";
import { PlainAgent } from "../test/kit/plain-agent.js";
import { Operator, settle } from "./kit/accounts.js";
import { BrokerProcess } from "./kit/broker-process.js";
import { scenario } from "./kit/scenario.js";

const descriptors = 128;
const clients = 300;
const patienceMs = 3_000;

scenario({
  number: 8,
  title: "file descriptors run out",
  done: `A broker with ${String(descriptors)} descriptors (ulimit -n) and ${String(clients)} clients that log in; then some leave and others come`,
  limitMs: 60_000,
  async run(course) {
    const broker = await BrokerProcess.start(course, { ulimit: `ulimit -n ${String(descriptors)}` });
    const operator = await Operator.of(course, broker);
    const agent = await new PlainAgent("ada", broker, { declare: true }).meet();
    const token = panToken(broker.dataDir);
    const inside: PanWire[] = [];
    course.finally(() => {
      agent.close();
      for (const wire of inside) wire.close();
    });
    /** True if it got in; who is not answered gives up after a while. */
    const login = async (name: string): Promise<boolean> => {
      let late = false;
      const attempt = PanWire.login(broker.pan, name, token).then(
        (wire) => {
          if (late) wire.close();
          else inside.push(wire);
          return !late;
        },
        () => false,
      );
      const patience = new Promise<false>((resolve) => setTimeout(resolve, patienceMs, false));
      const isIn = await Promise.race([attempt, patience]);
      late = !isIn;
      return isIn;
    };
    const entered = await Promise.all(Array.from({ length: clients }, (_, at) => login(`bot-${String(at)}`)));
    const served = entered.filter(Boolean).length;
    expect(served).toBeGreaterThan(descriptors / 2);
    expect(served).toBeLessThan(descriptors);
    const full = broker.descriptors();
    const [first, second] = inside;
    if (first === undefined || second === undefined) throw new Error("nobody is in");
    const names = await operator.names();
    expect(names.filter((name) => name.startsWith("bot-")).length, "the names of those who are in, and no others").toBe(
      served,
    );
    await agent.settled();
    first.say({ type: "join", room: "#crowd" });
    second.say({ type: "join", room: "#crowd" });
    await second.settled();
    await first.settled();
    first.say({ type: "chat", to: "#crowd", text: "still here" });
    await second.hears(({ text }) => text === "still here");

    const leaving = inside.splice(2, 60);
    for (const wire of leaving) wire.close();
    await Promise.all(leaving.map(({ closed }) => closed));
    let late = 0;
    await eventually(
      async () => {
        if (await login(`late-${String(late)}`)) late += 1;
        return late === 40;
      },
      "others come in",
      20_000,
    );
    expect(broker.isAlive).toBe(true);
    course.note({ clients, served, "descriptors then": full, left: leaving.length, "came in afterwards": late });
    await settle(course, broker);
  },
});
