import { appendFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { runCli, startCli, startProgram } from "../kit/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A client with a bare socket. */
class BarClient {
  readonly heard: string[] = [];
  readonly #socket: WebSocket;
  #changed: () => void = () => undefined;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.on("message", (data: Buffer) => {
      this.heard.push(data.toString());
      this.#changed();
    });
  }

  async says(frame: string): Promise<void> {
    if (this.#socket.readyState === WebSocket.CONNECTING)
      await new Promise((resolve) => this.#socket.once("open", resolve));
    this.#socket.send(frame);
  }

  /** Resolves when a frame has come that begins so. */
  async hears(start: string): Promise<void> {
    while (!this.heard.some((frame) => frame.startsWith(start)))
      await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  close(): void {
    this.#socket.terminate();
  }
}

describe("a dialect that lives in another package", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-bar-"));
    mkdirSync(join(folder, "node_modules"));
    for (const [name, at] of [
      ["synaptic-core", root],
      ["zod", join(root, "node_modules/zod")],
    ] as const)
      symlinkSync(at, join(folder, "node_modules", name));
    for (const file of ["bar-dialect.mjs", "bar-dialect.test.mjs"])
      cpSync(join(root, "examples", file), join(folder, file));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("passes the conformance suite of the package", async () => {
    const { code, stdout } = await startProgram(process.execPath, [
      "--test",
      "--test-reporter=tap",
      join(folder, "bar-dialect.test.mjs"),
    ]).ended;
    expect(code, stdout).toBe(0);
    expect(Number(/^# pass (\d+)$/m.exec(stdout)?.[1])).toBeGreaterThan(20);
  });

  it("runs in a broker that was told its file, with its own limits, beside the broker's own dialects", async () => {
    const broker = startCli(
      [
        "start",
        "--json",
        "--dialect",
        join(folder, "bar-dialect.mjs"),
        "--limit",
        "barPerSecond=0",
        "--ws",
        "127.0.0.1:0",
        "--zmq-in",
        "tcp://127.0.0.1:0",
        "--zmq-out",
        "tcp://127.0.0.1:0",
      ],
      { SYNAPTIC_DATA_DIR: join(folder, "data") },
    );
    const said = await broker.prints(/\n/);
    const {
      ws: [door],
    } = JSON.parse(said) as { readonly ws: readonly [string] };
    const [ada, bob] = [new BarClient(`${door}/bar`), new BarClient(door)];
    try {
      await ada.says("hello|ada");
      await bob.says("hello|bob"); // known by its first frame
      await Promise.all([ada.hears("hi|ada"), bob.hears("hi|bob")]);
      await ada.says("say|bob|one\\ptwo");
      await bob.hears("from|ada|bob|one\\ptwo");
      await bob.says("say|nobody|x");
      await bob.hears("no|not-found|");
      const file = ["--dialect", join(folder, "bar-dialect.mjs"), "--json"];
      const tool = (...args: readonly string[]): ReturnType<typeof runCli> =>
        runCli([...args, ...file], { SYNAPTIC_DATA_DIR: join(folder, "data") });
      expect((await tool("doctor")).stdout).toMatch(/"check":\s*"Bar",\s*"result":\s*"good"/);
      const bench = await tool("bench", "--via", "bar", "--seconds", "0.5");
      expect(JSON.parse(bench.stdout), bench.stderr).toMatchObject({ via: "bar", lost: 0, reasons: [] });
    } catch (thrown) {
      throw new Error(`${String(thrown)}; heard ${JSON.stringify([ada.heard, bob.heard])}`, { cause: thrown });
    } finally {
      ada.close();
      bob.close();
      expect(await broker.stop()).toMatchObject({ code: 0 });
    }
  });

  it("is refused with the reason and the file if it is none, is not there, or has another's name", async () => {
    const start = (file: string): ReturnType<typeof runCli> =>
      runCli(["start", "--dialect", join(folder, file)], { SYNAPTIC_DATA_DIR: join(folder, "unused") });
    writeFileSync(join(folder, "empty.mjs"), "export default 7;");
    writeFileSync(
      join(folder, "twin.mjs"),
      'import bar from "./bar-dialect.mjs"; export default { ...bar, name: "pan" };',
    );
    writeFileSync(
      join(folder, "half.mjs"),
      'export default { name: "half", title: "Half", with() {}, recognises() {} };',
    );
    for (const [file, why] of [
      ["empty.mjs", /empty\.mjs exports no dialect: export what defineDialect/],
      ["missing.mjs", /missing\.mjs cannot be loaded/],
      ["twin.mjs", /twin\.mjs: two dialects have the name pan/],
      ["half.mjs", /half\.mjs exports no dialect: .*; of what it exports, paths is missing; it is a list/],
    ] as const) {
      const { code, stderr } = await start(file);
      expect(code, stderr).not.toBe(0);
      expect(stderr).toMatch(why);
    }
  });

  it("is found beside the configuration file that names it, has a door of its own, and is compared by content at SIGHUP", async () => {
    const [config, file] = [join(folder, "config.json"), join(folder, "changed.mjs")];
    cpSync(join(folder, "bar-dialect.mjs"), file);
    writeFileSync(config, JSON.stringify({ dialects: ["./changed.mjs"], ownDoors: { bar: "127.0.0.1:0" } }));
    const env = { SYNAPTIC_DATA_DIR: join(folder, "beside"), SYNAPTIC_CONFIG: config };
    expect(await runCli(["config", "check", "--own", "bar=127.0.0.1:0"], env)).toMatchObject({
      code: 0,
      stdout: "ok\n",
    });
    const unknown = await runCli(["config", "check", "--own", "baz=127.0.0.1:0"], env);
    expect(unknown.stderr).toContain(
      "--own: there is no dialect baz; there are pan, agentchat, agent-network, visualisation, bar",
    );
    const broker = startCli(
      ["start", "--json", "--ws", "127.0.0.1:0", "--zmq-in", "tcp://127.0.0.1:0", "--zmq-out", "tcp://127.0.0.1:0"],
      env,
    );
    const { own } = JSON.parse(await broker.prints(/\n/)) as { readonly own: { readonly bar: string } };
    const ada = new BarClient(own.bar);
    await ada.says("hello|ada");
    await ada.hears("hi|ada");
    ada.close();
    broker.process.kill("SIGHUP");
    await broker.tells(/SIGHUP, read again, nothing has changed\n/);
    appendFileSync(file, "\n// another version\n");
    broker.process.kill("SIGHUP");
    await broker.tells(/need a restart and stay as they were: dialects\n/);
    expect(await broker.stop()).toMatchObject({ code: 0 });
  });

  it("is given up where its file never comes to its end, by a command that says so", async () => {
    const file = join(folder, "endless.mjs");
    writeFileSync(file, "await new Promise(() => {});");
    const { code, stderr } = await runCli(["start", "--dialect", file], { SYNAPTIC_DATA_DIR: join(folder, "unused") });
    expect(stderr).toContain(`the dialect ${file} cannot be loaded: it has not come to its end within 10 s`);
    expect(code).toBe(1);
  }, 30_000);
});
