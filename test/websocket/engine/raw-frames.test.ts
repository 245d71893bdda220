import { describe, expect, it } from "vitest";
import { ConformanceWorld } from "../../../src/conformance/world.js";
import type { Conversation } from "../../../src/conformance/conversation.js";
import { Fault } from "../../../src/core/index.js";
import type { RawRender } from "../../../src/dialect/index.js";
import { probe, type ProbeHandlers, type ProbeTypes } from "../../kit/probe-dialect.js";

const handlers: ProbeHandlers = {
  raw: (s) => void s.inform({ to: "all", content: { message: "a frame" }, raw: "as it came" }),
};

/** Names that begin with a capital take their frames in capitals. */
const inCapitals: RawRender<ProbeTypes> = {
  encoding: (session) => (/^[A-Z]/.test(session.principal?.agent ?? "") ? "capitals" : "small"),
  frame: (frame, session) => (inCapitals.encoding(session) === "small" ? frame : String(frame).toUpperCase()),
};

function worldWith(raw: RawRender<ProbeTypes>): ConformanceWorld {
  return new ConformanceWorld([
    probe(handlers, { render: { variant: () => "", event: ({ content }) => content, raw } }),
  ]);
}

async function login(world: ConformanceWorld, name: string): Promise<Conversation> {
  const client = world.connect("/probe");
  await client.says({ type: "login", name });
  client.all();
  return client;
}

describe("a frame that sessions of a dialect hand on to each other", () => {
  it("is as it came for those who are encoded alike, and made anew once for all others of an encoding", async () => {
    let made = 0;
    const world = worldWith({
      encoding: (session) => inCapitals.encoding(session),
      frame(frame, session) {
        made += 1;
        return inCapitals.frame(frame, session);
      },
    });
    const names = ["ada", "bob", "Cyd", "Dan", "eve"];
    const clients: Conversation[] = [];
    for (const name of names) clients.push(await login(world, name));
    await clients[0]?.says({ type: "do", what: "raw" });
    const heard = clients.slice(1).map(({ connection }) => connection.frames.at(-1));
    expect(heard).toEqual(["as it came", "AS IT CAME", "AS IT CAME", "as it came"]);
    expect(made).toBe(2);
    world.expectSound();
  });

  it("that an encoding has no words for is dropped and counted, its speaker hears why, and nothing is logged", async () => {
    const world = worldWith({
      encoding: (session) => inCapitals.encoding(session),
      frame(frame, session) {
        if (inCapitals.encoding(session) === "small") return frame;
        throw new Fault("unsupported", "there are no capitals for it; write it in small letters");
      },
    });
    const ada = await login(world, "ada");
    await login(world, "Bob");
    const cyd = await login(world, "cyd");
    await ada.says({ type: "do", what: "raw" });
    expect(await ada.hears({ kind: "fault" })).toMatchObject({
      message: expect.stringContaining("write it in small letters") as string,
    });
    expect(cyd.connection.frames.at(-1)).toBe("as it came");
    expect(world.ledger.copies.dropped.unrenderable).toBe(1);
    expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
    world.expectSound();
  });
});

describe("a dialect whose server speaks first", () => {
  it("says so before anything is heard, also to who is refused at once", async () => {
    const world = new ConformanceWorld([
      probe(handlers, {
        begin(session) {
          session.sendFrame('{"type":"hello"}');
        },
      }),
    ]);
    const ada = world.connect("/probe");
    await ada.hears({ type: "hello" });
    await ada.says({ type: "login", name: "ada" });
    await ada.hears({ type: "welcome" });
    world.expectSound();
  });
});
