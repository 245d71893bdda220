import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { msgpack, NetworkWorld, contentOf, system, messageFrom, type Told } from "../../../kit/network-clients.js";

const encodings = ["json", "msgpack", "socket-io"] as const;
type Encoding = (typeof encodings)[number];

/** An agent, whatever its frames are: what is on the wire is JSON text, or MessagePack. */
interface Agent {
  readonly name: string;
  readonly says: (frame: string | Buffer) => void;
  /** The next message of another agent. */
  readonly hears: () => Promise<{ readonly frame: string | Buffer; readonly told: Told }>;
  readonly acked: () => Promise<unknown>;
}

/** Values that readers and writers of either encoding treat in different ways. */
const content = {
  text: 'quotes " and \\, a line\nfeed, \u0000, \u007f, é, 漢, 😀',
  numbers: [0, 1, -1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53 - 1)],
  small: [-32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1],
  fractions: [0.5, 0.1, 1e21, 1.5e300, 5e-324, -1e-7],
  words: [true, false, null, "", {}, []],
  list: new Array(40).fill("item"),
  "10": "keys that are numbers stay where they are",
  "2": { constructor: 1, "": 2, "a\tb": 3 },
  long: "x".repeat(3_000),
};

describe("agents whose frames are spelt in different ways", () => {
  let world: NetworkWorld;
  const agents: Partial<Record<Encoding, Agent>> = {};
  const agent = (encoding: Encoding): Agent => {
    const found = agents[encoding];
    if (found === undefined) throw new Error(`there is no ${encoding}`);
    return found;
  };

  beforeAll(async () => {
    world = await NetworkWorld.start();
    const isAgents = ({ senderId }: Told): boolean => senderId !== "system";
    for (const encoding of ["json", "msgpack"] as const) {
      const client = await world[encoding](`${encoding} agent`);
      agents[encoding] = {
        name: `${encoding} agent`,
        says: (frame) => {
          client.says(frame);
        },
        hears: () => client.frames.next(({ told }) => isAgents(told)),
        acked: async () => contentOf(await client.hears(system("ACK"))),
      };
    }
    const client = await world.socketIo("socket agent");
    agents["socket-io"] = {
      name: "socket agent",
      says: (frame) => client.socket.emit("message", frame),
      hears: async () => {
        const frame = String(await client.hears("message"));
        return { frame, told: JSON.parse(frame) as Told };
      },
      acked: () => client.hears("ack"),
    };
  });

  afterAll(() => world.stop());

  const pairs = encodings.flatMap((from) => encodings.map((to) => [from, to] as const));

  it.each(pairs)("hear each other's values unchanged: from %s to %s", async (from, to) => {
    const [speaker, hearer] = [agent(from), agent(to)];
    const messageId = `from ${from} to ${to}`;
    const told = { ...messageFrom(speaker.name, hearer.name), messageId, content };
    // Spelt as no library would: the spaces are still there where the text is handed on as it came.
    const frame = from === "msgpack" ? msgpack.packr.pack(told) : JSON.stringify(told, null, 1);
    speaker.says(frame);
    const heard = await hearer.hears();
    expect(heard.told).toEqual(told);
    expect(await speaker.acked()).toEqual({ messageId });
    const isSame = (from === "msgpack") === (to === "msgpack");
    if (isSame) expect(Buffer.from(heard.frame).equals(Buffer.from(frame))).toBe(true);
    else if (to === "msgpack") expect(Buffer.isBuffer(heard.frame)).toBe(true);
    else expect(heard.frame).toBe(JSON.stringify(told));
  });

  it.each(["json", "socket-io"] as const)("hear bytes of MessagePack as base64: %s", async (to) => {
    const speaker = agent("msgpack");
    const hearer = agent(to);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, at) => at));
    const told = {
      ...messageFrom(speaker.name, hearer.name),
      messageType: "ENCRYPTED",
      content: { encryptedData: bytes, nonce: bytes.subarray(0, 24), signature: bytes.subarray(0, 64) },
      metadata: { encrypted: true },
    };
    speaker.says(msgpack.packr.pack(told));
    expect(contentOf((await hearer.hears()).told)).toEqual({
      encryptedData: bytes.toString("base64"),
      nonce: bytes.subarray(0, 24).toString("base64"),
      signature: bytes.subarray(0, 64).toString("base64"),
    });
    await speaker.acked();
  });
});

describe("a value that MessagePack cannot hold unchanged", () => {
  let world: NetworkWorld;
  beforeAll(async () => {
    world = await NetworkWorld.start();
  });
  afterAll(() => world.stop());

  it.each([
    ["a number beyond all doubles", "1e400", "1.8e308"],
    ["an integer beyond 2^53", "9007199254740993", "2^53"],
    ["half a character", '"\\ud800"', "half a character"],
    ["an escape that is none", '"\\x"', "JSON"],
  ])("is refused to who says it, and not acknowledged: %s", async (about, value, names) => {
    const [speaker, hearer] = [await world.json(`${about} said`), await world.msgpack(`${about} heard`)];
    const say = (messageId: string, content: string): void => {
      const text = JSON.stringify(messageFrom(`${about} said`, `${about} heard`, { messageId, content: "?" }));
      speaker.says(text.replace('"?"', content));
    };
    say("bad", `{"a":${value}}`);
    say("good", '{"a":1}');
    const error = await speaker.hears(system("ERROR"));
    expect(contentOf(error)).toMatchObject({
      errorCode: "INVALID_MESSAGE_FORMAT",
      message: expect.stringContaining(names) as string,
      details: { originalMessageId: "bad" },
      recoverable: false,
    });
    expect(contentOf(await speaker.hears(system("ACK")))).toEqual({ messageId: "good" });
    expect(await hearer.hears()).toMatchObject({ messageId: "good", content: { a: 1 } });
  });
});
