import { spawn } from "node:child_process";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCli, startCli, startProgram, type Ended } from "../kit/cli.js";
import { PlainAgent } from "../kit/plain-agent.js";
import { serveBroker, type Served } from "./served.js";

const binary = fileURLToPath(new URL("../../bin/broker.js", import.meta.url));

describe("what a newcomer types into broker", () => {
  let served: Served;
  let claude: PlainAgent;
  beforeAll(async () => {
    served = await serveBroker();
    claude = await new PlainAgent("claude", served.at, { topics: ["claude", "#lab"] }).meet();
  });
  afterAll(async () => {
    claude.close();
    await served.end();
  });

  /** A command that reads `input`. */
  async function fed(input: Buffer | string, ...args: readonly string[]): Promise<Ended> {
    const program = startProgram(process.execPath, [binary, ...args, "--data-dir", served.dataDir], {}, "pipe");
    program.process.stdin?.on("error", () => undefined); // it may have ended before it has read everything
    program.process.stdin?.end(input);
    return program.ended;
  }
  const heard = async (): Promise<string> => (await claude.hears()).message.content.message;

  it("has a text that begins with -, and --wait anywhere", async () => {
    expect(await served.cli("send", "claude", "- [ ] first point")).toMatchObject({ code: 0 });
    expect(await heard()).toBe("- [ ] first point");
    expect(await served.cli("send", "claude", "-n").then(({ stderr }) => stderr)).toMatch(/stands behind --: -- '-n'/);
    expect(await runCli(["send", "--data-dir", served.dataDir, "claude", "--", "-n"])).toMatchObject({ code: 0 });
    expect(await heard()).toBe("-n");
    for (const line of [
      ["--wait", "claude", "hi"],
      ["claude", "--wait", "hi"],
    ]) {
      const answered = served.cli("send", ...line);
      const { message } = await claude.hears();
      await claude.send(message.from, "response", `to ${message.content.message}`, { in_reply_to: message.message_id });
      expect(await answered).toMatchObject({ code: 0, stdout: "to hi\n" });
    }
  });

  it("sends what stands in standard input or in a file", async () => {
    const file = join(served.home, "text");
    await writeFile(file, "first\nsecond\n");
    expect(await fed("first\nsecond\n", "send", "claude", "-")).toMatchObject({ code: 0 });
    expect(await heard()).toBe("first\nsecond");
    expect(await served.cli("send", "claude", "--file", file)).toMatchObject({ code: 0 });
    expect(await heard()).toBe("first\nsecond");
  });

  it("is refused what is no text, too much, or not there", async () => {
    const tooMuch = Buffer.alloc(1_100_000, "a");
    const quotes = Buffer.alloc(600_000, '"'); // longer as JSON
    await mkdir(join(served.home, "folder"));
    for (const [input, words] of [
      [Buffer.from([0xff, 0xfe]), /standard input: this is no text in UTF-8/],
      [tooMuch, /standard input: this is more than a message may have/],
      [quotes, /more than a message may have, \d+ bytes as JSON/],
      ["\n", /standard input: there is nothing to say/],
    ] as const) {
      const { code, stdout, stderr } = await fed(input, "send", "claude", "-");
      expect([code, stdout, stderr]).toEqual([2, "", expect.stringMatching(words)]);
    }
    for (const [path, words] of [
      [join(served.home, "nothing"), /there is no such file/],
      [join(served.home, "folder"), /this is a folder/],
      ["/dev/zero", /more than a message may have/],
    ] as const) {
      const { code, stderr } = await served.cli("send", "claude", "--file", path);
      expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    }
    expect((await served.cli("send", "claude", "hi", "--file", "x")).stderr).toMatch(/leave one of them out/);
  });

  it.each([
    [["send", "claud", "hi"], 4, /no agent claud is here; did you mean claude\? \(broker agents/],
    [["send", "claud", "hi", "--wait"], 4, /no agent claud is here; did you mean claude\?/],
    [["send", "lab", "hi"], 4, /no agent lab is here; did you mean '#lab'\?/],
    [["send", "--room", "lab", "claude", "hi"], 2, /--room takes no name, it makes TO a room/],
    [["send", "#lob", "hi"], 4, /there is no room #lob; did you mean '#lab'\? \(broker rooms/],
    [["reply", "claude", "hi"], 2, /unknown command 'reply'; did you mean broker send TO TEXT --type response/],
    [["start", "--port", "9000"], 2, /unknown option '--port'; where it listens .*--ws HOST:PORT/],
    [["start", "--host", "0.0.0.0"], 2, /where the broker listens is said by --ws HOST:PORT: --ws 0\.0\.0\.0:8080/],
    [["start", "--host", "::1"], 2, /--ws \[::1\]:8080/],
    [["tap", ">"], 2, /there are no wildcards; a topic that ends in \. \/ or : is a prefix/],
    [["tap", "cl*"], 2, /there are no wildcards/],
    [["tap", "prices.>"], 2, /there are no wildcards/],
    [["tap", "a/+/b"], 2, /there are no wildcards/],
    [["tap", "a/#"], 2, /there are no wildcards/],
  ] as const)("is answered in words that help: %j", async (args, code, words) => {
    const ended = await served.cli(...args);
    expect(ended.stderr).toMatch(words);
    expect(ended).toMatchObject({ code, stdout: "" });
  });

  it.each([["version"], ["-v"], ["-V"], ["--version"]])("finds the version by %s", async (word) => {
    expect(await runCli([word])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
  });

  it("gets the bare token of one kind, which the broker knows when it is told", async () => {
    for (const kind of ["zmq", "pan"]) {
      const { code, stdout } = await served.cli("token", "boss", `--${kind}`);
      expect([code, stdout]).toEqual([0, expect.stringMatching(/^[\w-]{20,}\n$/)]);
    }
    // The name has an owner from that moment: nobody else sends by it.
    expect(await served.cli("send", "all", "hi", "--from", "boss")).toMatchObject({ code: 4 });
  });

  it("taps what agents say; what is asked of the broker only where that is asked for", async () => {
    const taps = [[], ["--all"], ["$broker"]].map((more) => startCli(["tap", ...more, "--data-dir", served.dataDir]));
    for (const tap of taps) await tap.tells(/listening to/);
    await served.cli("agents");
    await claude.send("#lab", "inform", "the last");
    const [usual, all, named] = taps;
    await Promise.all([usual?.prints(/the last/), all?.prints(/the last/), named?.prints(/agents\.list/)]);
    expect((await usual?.stop("SIGINT"))?.stdout).not.toMatch(/\$broker|\$events/);
    expect((await all?.stop("SIGINT"))?.stdout).toMatch(/agents\.list/);
    expect((await named?.stop("SIGINT"))?.stdout).not.toMatch(/the last/);
  });

  it("tells the tools' own traffic apart in its status", async () => {
    const read = async (): Promise<{ ofBroker: number; messages: { accepted: number } }> =>
      (JSON.parse((await served.cli("status", "--json")).stdout) as { ledger: Awaited<ReturnType<typeof read>> })
        .ledger;
    const before = await read();
    await served.cli("rooms");
    await claude.send("#lab", "inform", "one");
    const after = await read();
    expect(after.messages.accepted - after.ofBroker).toBe(before.messages.accepted - before.ofBroker + 1);
    expect((await served.cli("status")).stdout).toMatch(/^messages .*\n +\d+ of them to and from the broker itself/m);
  });

  it("watches the status: a line a second into a pipe, until Ctrl-C", async () => {
    const lines = startCli(["status", "--watch", "--data-dir", served.dataDir]);
    await lines.prints(/^\d\d:\d\d:\d\d {2}agents 1 .*accepted [\d.]+\/s .*dropped 0\/s .*unsent 0\.0 MiB.*\n.*\n/);
    expect(await lines.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    const json = startCli(["status", "--watch", "--json", "--data-dir", served.dataDir]);
    expect(JSON.parse((await json.prints(/\n/)).split("\n")[0] ?? "")).toMatchObject({ backlogMaxBytes: 536_870_912 });
    expect(await json.stop("SIGTERM")).toMatchObject({ code: 0 });
  });

  /** What a command shows on a terminal, in lines without colours: until it ends, or until `until` is there. */
  async function onTerminal(size: string, until: string, ...args: readonly string[]): Promise<readonly string[]> {
    const script = ["sh", "-c", `stty ${size}; exec "$0" "$@"`, process.execPath, binary, ...args];
    const program = spawn("script", ["-qfec", script.map(quoted).join(" "), "/dev/null"], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, SYNAPTIC_DATA_DIR: served.dataDir, TERM: "xterm" },
    });
    let shown = "";
    const closed = new Promise((resolve) => program.once("close", resolve));
    program.stdout.on("data", (text: Buffer) => {
      shown += text.toString();
      if (shown.includes(until)) program.kill("SIGTERM");
    });
    await closed;
    return shown.replace(/\u001b\[[\d;]*[A-Za-z]/g, "").split("\r\n");
  }

  it("sees bars on a terminal, no wider than it", async () => {
    const lines = await onTerminal("cols 50 rows 20", "\u001b[J", "status", "--watch");
    expect(lines.find((line) => line.startsWith("dropped"))).toMatch(/░{4,} 0\.0 %$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(50);
  });

  it("sees everything on a terminal that does not know its size", async () => {
    const watched = await onTerminal("cols 0 rows 0", "\u001b[J", "status", "--watch");
    expect(watched).toEqual(expect.arrayContaining([expect.stringMatching(/^broker +pid \d+, up .* memory$/)]));
    const agents = await onTerminal("cols 0 rows 0", "claude  zmq", "agents");
    expect(agents).toEqual(expect.arrayContaining([expect.stringMatching(/^NAME .*DISPLAY NAME$/)]));
  });

  it("stops the broker, and is told when it is gone; then there is none", async () => {
    const other = await serveBroker();
    try {
      expect(await other.cli("stop")).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^stopped: pid \d+, /) as string,
      });
      await expect(stat(join(other.dataDir, "broker.pid"))).rejects.toThrow("ENOENT");
      expect(await other.broker.ended).toMatchObject({ code: 0 });
      expect(await other.cli("stop")).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/no broker runs/) as string,
      });
    } finally {
      await other.end();
    }
  });

  it("is told that a watched broker has ended, with exit code 3", async () => {
    const other = await serveBroker();
    const watch = startCli(["status", "--watch", "--data-dir", other.dataDir]);
    await watch.prints(/\n/);
    await other.end();
    expect(await watch.ended).toMatchObject({ code: 3, stderr: expect.stringMatching(/has ended\n$/) as string });
  });
});

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
