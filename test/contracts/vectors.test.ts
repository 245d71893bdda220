import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { agentNameProblem, isRoom, readEnvelope, wireEnvelope, type Envelope } from "../../src/core/index.js";
import { Agent } from "../../src/index.js";

/** The vectors that the SDKs of other languages run, too. */
function vectors(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8"));
}

interface Reads {
  readonly topic: string;
  readonly receivedAt: string;
  readonly fallbackId: string;
  readonly reads: readonly {
    readonly about: string;
    readonly payload?: unknown;
    readonly text?: string;
    readonly envelope?: Envelope;
    readonly names?: string;
    readonly leftOut?: readonly string[];
  }[];
}

describe("the vectors of the envelope", () => {
  const { topic, receivedAt, fallbackId, reads } = vectors("envelope") as Reads;

  it.each(reads)("hold: $about", ({ payload: given, text, envelope, names, leftOut }) => {
    const payload: unknown = text === undefined ? given : JSON.parse(text);
    const reading = readEnvelope(payload, { topic, receivedAt: Date.parse(receivedAt), fallbackId, trust: "claimed" });
    if (names === undefined) expect("envelope" in reading ? reading.envelope : reading).toEqual(envelope);
    else expect(reading).toEqual({ problem: expect.stringContaining(names) as string });
    expect(wireEnvelope.safeParse(payload).success).toBe(
      leftOut === undefined && (names === undefined || names.startsWith("from stands")),
    );
  });
});

describe("the vectors of names", () => {
  const { agents, noAgents, rooms, noRooms, problems } = vectors("names") as Readonly<
    Record<"agents" | "noAgents" | "rooms" | "noRooms", readonly string[]>
  > & { readonly problems: readonly { readonly name: string; readonly problem: string; readonly shown: string }[] };

  it.each(agents)("%j can be an agent's", (name) => {
    expect(agentNameProblem(name)).toBeUndefined();
  });
  it.each(noAgents)("%j cannot", (name) => {
    expect(agentNameProblem(name)).toBeTypeOf("string");
  });
  it.each(problems)("$name, which $problem, is refused in the same words", async ({ name, problem, shown }) => {
    expect(agentNameProblem(name)).toBe(problem);
    const refused = { code: "malformed", message: `the name ${shown} ${problem}; choose another` };
    await expect(Agent.connect({ name })).rejects.toMatchObject(refused);
  });
  it.each(rooms)("%j can be a room's", (name) => {
    expect(isRoom(name)).toBe(true);
  });
  it.each(noRooms)("%j cannot", (name) => {
    expect(isRoom(name)).toBe(false);
  });
});

describe("the folders of vectors", () => {
  it.each([
    "test/vectors",
    "test/zeromq/wire/vectors",
    "bridges/pan/vectors",
    "bridges/agentchat/vectors",
    "bridges/echo/vectors",
  ])("%s tell how each file and each of its keys is run", (folder) => {
    const at = new URL(`../../${folder}/`, import.meta.url);
    const page = readFileSync(new URL("README.md", at), "utf8");
    for (const file of readdirSync(at).filter((name) => name.endsWith(".json"))) {
      const row =
        page.split("\n").find((line) => line.startsWith(`| \`${file}\``)) ??
        expect.fail(`${folder}/README.md says nothing of ${file}`);
      for (const key of keysOf(JSON.parse(readFileSync(new URL(file, at), "utf8"))))
        expect(`${page.slice(0, page.indexOf("|"))}${row}`, `${file}: ${key}`).toContain(key);
    }
  });
});

/** The names of a file's lists and of what stands in their entries. */
function keysOf(document: unknown): ReadonlySet<string> {
  const isList = Array.isArray(document);
  const lists: readonly unknown[] = isList ? [document] : Object.values(document as object);
  const entries = lists
    .flatMap((list) => (Array.isArray(list) ? (list as readonly unknown[]) : []))
    .filter((entry) => typeof entry === "object" && entry !== null);
  return new Set(
    [...(isList ? [] : Object.keys(document as object)), ...entries.flatMap((entry) => Object.keys(entry))].filter(
      (key) => key !== "about" && key !== "name" && key !== "title",
    ),
  );
}
