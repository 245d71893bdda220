import { readFileSync, rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { faultCodes } from "../../src/core/index.js";
import { Agent } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { filesBelow } from "../kit/broker-memory.js";
import { startProgram, type Ended, type Program } from "../kit/cli.js";
import { InstalledPackage } from "../kit/installed.js";
import { issueToken } from "../kit/tokens.js";

const page = readFileSync(new URL("../../docs/typescript.md", import.meta.url), "utf8");
const snippets = new Map(
  [...page.matchAll(/```(?:js|ts)\n\/\/ (\S+)\n([^]*?)```/g)].map(([, name = "", text = ""]) => [name, text]),
);

describe("docs/typescript.md, in a project in which the package is installed", () => {
  let project: InstalledPackage;
  let at: TestBroker;
  const running: Program[] = [];

  beforeAll(() => {
    project = new InstalledPackage();
    for (const [name, text] of snippets) project.write(name, text);
    project.compile();
  });
  afterAll(() => {
    project.remove();
  });
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    for (const program of running.splice(0)) await program.stop("SIGKILL");
    await at.stop();
  });

  function start(name: string, ...options: readonly string[]): Program {
    const program = startProgram(process.execPath, [...options, `${project.folder}/${name}`], {
      SYNAPTIC_DATA_DIR: at.dataDir,
    });
    running.push(program);
    return program;
  }
  /** What a snippet prints; it must end by itself, and well. */
  async function printed(name: string, ...options: readonly string[]): Promise<Ended["stdout"]> {
    const ended = await start(name, ...options).ended;
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    return ended.stdout;
  }

  it("runs every snippet in a test below", () => {
    expect(page.match(/```(js|ts)\n/g)).toHaveLength(snippets.size);
    expect([...snippets.keys()].sort()).toEqual(
      [
        "ada.mjs",
        "bob.mjs",
        "bot.mjs",
        "doors.test.mjs",
        "faults.mjs",
        "greeter.test.mjs",
        "keeper.mjs",
        "looking.mjs",
        "rooms.mjs",
        "scout.ts",
        "sealed.mjs",
      ].sort(),
    );
  });

  it("has a mailbox, and tells what becomes of what lies in it", async () => {
    expect(await printed("keeper.mjs")).toBe("stored\ndone\nrefused no jokes\n");
  });

  it("has two agents that talk", async () => {
    const bob = start("bob.mjs");
    await bob.prints(/bob is ready/);
    expect(await printed("ada.mjs")).toBe("you said: hello\n[ 'ada', 'bob' ]\n");
    expect(await bob.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  it("has a room and its past", async () => {
    expect(await printed("rooms.mjs")).toBe(
      "[ 'ada', 'carol' ]\nada ETH moves { eth: 4012.5 }\n{ name: '#lab', members: 2, invite_only: false }\n",
    );
  });

  it("has a refusal, and every code that there is", async () => {
    expect(await printed("faults.mjs")).toBe("not-found\nno agent zoe is here; the list of agents tells who is\n");
    expect(snippets.get("faults.mjs")).toContain("// no agent zoe is here; the list of agents tells who is\n");
    const table = page.slice(page.indexOf("| code | means"), page.indexOf("A handler refuses"));
    const codes = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
    expect(codes.sort()).toEqual([...faultCodes].sort());
  });

  it.each(["greeter.test.mjs", "doors.test.mjs"])("has tests with a broker of their own: %s", async (name) => {
    expect(await printed(name, "--test")).toMatch(/^# pass 1$/m);
  });

  it("has a bot that is let in by its token, and is told why not without it", async () => {
    const token = readFileSync(`${at.dataDir}/pan-token`, "utf8").trim();
    const bot = startProgram(process.execPath, [`${project.folder}/bot.mjs`, at.pan], { PAN_TOKEN: token });
    running.push(bot);
    expect(await bot.ended).toMatchObject({ code: 0, stderr: "", stdout: "[ 'trader' ]\n" });
    const stranger = startProgram(process.execPath, [`${project.folder}/bot.mjs`, at.pan], { PAN_TOKEN: "wrong" });
    running.push(stranger);
    expect((await stranger.ended).stderr).toMatch(/^AUTH_FAILED the token is not valid/);
  });

  it("has one who looks at agents and commands them", async () => {
    const scout = await Agent.connect({ name: "demo-scout", in: at.zmqIn, out: at.zmqOut });
    scout.onRequest(() => ({ message: "all is well" }));
    const TOKEN = await issueToken(at.dataDir, "eye", "jwt", { scopes: ["observe", "control"] });
    const program = `${project.folder}/looking.mjs`;
    const looking = startProgram(process.execPath, [program, at.pan.replace(/\/pan$/, "")], { TOKEN });
    running.push(looking);
    const { stdout, ...ended } = await looking.ended;
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(stdout).toMatch(/^completed all is well$/m);
    await scout.close();
  });

  it("has two agents of Agent Network that agree on a meeting, sealed, and nothing of it in the clear on disk", async () => {
    const url = at.pan.replace(/\/pan$/, "/agent-network/v1/connect");
    const [ada, bob] = [`${project.folder}/ada`, `${project.folder}/bob`];
    const [ADA_TOKEN, BOB_TOKEN] = [
      await issueToken(at.dataDir, "ada", "jwt"),
      await issueToken(at.dataDir, "bob", "jwt"),
    ];
    const tokens = { ADA_TOKEN, BOB_TOKEN, PASSPHRASE: "correct horse battery staple" };
    const program = `${project.folder}/sealed.mjs`;
    const sealed = (snippets.get("sealed.mjs") ?? "").replace('"./ada"', JSON.stringify(ada));
    project.write("sealed.mjs", sealed.replace('"./bob"', JSON.stringify(bob)));
    const run = async (): Promise<unknown> => {
      const started = startProgram(process.execPath, [program, url], tokens);
      running.push(started);
      return started.ended;
    };
    const agreed = { code: 0, stderr: "", stdout: "[ '2030-06-03T14:00:00Z' ] ACCEPTED\ntrue\n" };
    expect(await run()).toEqual(agreed);
    expect(await run()).toEqual(agreed);
    const kept = [ada, bob].flatMap((store) => [...filesBelow(store).values()]);
    expect(kept.length).toBeGreaterThan(2);
    for (const bytes of kept) expect(bytes.includes("Coffee")).toBe(false);
    // Bob without what he has kept is somebody else: ada is told, at once.
    rmSync(bob, { recursive: true });
    expect(await run()).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^key-changed bob [^]*ENCRYPTION_ERROR [^]*compare the fingerprint/) as string,
      stdout: "false\n",
    });
  });

  it("is what the README's tour leads to", async () => {
    const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
    const door = '["tcp://127.0.0.1:0"]';
    const tour = (/```ts\n([^]*?)```/.exec(readme)?.[1] ?? "")
      .replace('Broker({ dataDir: "./data"', `$&, zmqIn: ${door}, zmqOut: ${door}, ws: []`)
      .replaceAll("./data", `${project.folder}/data`);
    project.write("tour.mjs", tour);
    expect(await printed("tour.mjs")).toBe("you said: hello\n");
  });

  it("has an agent with types, which are right", async () => {
    expect(await printed("scout.js")).toBe("[ 'scout' ] 0 true\n");
  });
});
