import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatDaemon, getDaemonPaths, type DaemonPaths } from "../../../clients/typescript/agentchat/daemon.js";
import { eventually } from "../../kit/broker.js";
import { FakeClient, jsonLines, tempDir } from "./daemon-world.js";

describe("an outbox in another encoding", () => {
  let temp: Awaited<ReturnType<typeof tempDir>>;
  let paths: DaemonPaths;
  let daemon: AgentChatDaemon;
  let client: FakeClient | undefined;
  beforeEach(async () => {
    temp = await tempDir();
    paths = getDaemonPaths("default", temp.dir);
    mkdirSync(paths.dir, { recursive: true });
    daemon = new AgentChatDaemon({
      server: "ws://nowhere",
      dir: temp.dir,
      pollMs: 20,
      handleSignals: false,
      clientFactory: (options, hears) => (client = new FakeClient(options, hears)),
    });
  });
  afterEach(async () => {
    await daemon.stop();
    await temp.remove();
  });

  const text = (content: string): string => `${JSON.stringify({ to: "#general", content })}\n`;
  const littleEndian = (content: string): Buffer => Buffer.from(text(content).replace("\n", "\r\n"), "utf16le");
  const bigEndian = (content: string): Buffer => Buffer.from(littleEndian(content)).swap16();
  const sent = (): (string | undefined)[] => client?.sent.map(({ content }) => content) ?? [];
  const refused = (): (string | undefined)[] => jsonLines(paths.rejected).map(({ line }) => String(line).trim());
  const mark = "\ufeff";

  it.each<readonly [string, readonly (Buffer | string)[], readonly string[], readonly string[]]>([
    [
      "UTF-16 of PowerShell 5",
      [Buffer.from(mark, "utf16le"), littleEndian("grüße"), littleEndian("two")],
      ["grüße", "two"],
      [],
    ],
    [
      "UTF-16 appended to UTF-8, and UTF-8 after it",
      [text("one"), littleEndian("zwei 語"), text("three")],
      ["zwei 語"],
      ["one", "three"],
    ],
    [
      "UTF-16 with the bytes in the other order",
      [Buffer.from(mark, "utf16le").swap16(), bigEndian("one"), bigEndian("two")],
      ["one", "two"],
      [],
    ],
    ["UTF-8 with its mark", [mark, text("grüße"), text("two")], [], ["grüße", "two"]],
    ["UTF-8 with a mark alone on its line", [`${mark}\r\n`, text("one")], [], ["one"]],
  ])("%s: nothing is lost without a word", async (_what, parts, aside, taken) => {
    writeFileSync(paths.outbox, "");
    for (const part of parts) appendFileSync(paths.outbox, part);
    await daemon.start();
    await eventually(() => refused().length === aside.length && sent().length === taken.length, "all is dealt with");
    expect(sent()).toEqual(taken);
    expect(refused().map((line) => line?.replace(mark, ""))).toEqual(aside.map((content) => text(content).trim()));
    const remedy = /this is UTF-16.*Out-File -Append -Encoding utf8/;
    const told = jsonLines(paths.inbox).filter(({ type }) => type === "ERROR");
    expect(told).toHaveLength(aside.length);
    for (const { message, line } of told) {
      expect(message).toMatch(remedy);
      expect(line).toContain("#general");
    }
    const logged = jsonLines(paths.log).filter(({ event }) => event === "outbox line set aside");
    expect(logged).toHaveLength(aside.length);
    for (const { error } of logged) expect(error).toMatch(remedy);
  });

  it("that no decoder takes is refused as such", async () => {
    writeFileSync(
      paths.outbox,
      Buffer.concat([Buffer.from('{"to":"#general","content":"'), Buffer.from([0xe4, 0x22, 0x7d, 0x0a])]),
    );
    await daemon.start();
    await eventually(() => jsonLines(paths.inbox).length > 0, "it is refused");
    expect(jsonLines(paths.inbox)).toMatchObject([{ message: "this is not UTF-8" }]);
  });

  it("goes on when a folder lies where its older refused lines would go", async () => {
    mkdirSync(`${paths.rejected}.1`);
    writeFileSync(paths.rejected, "x".repeat(5 * 1_024 * 1_024 + 1));
    writeFileSync(paths.outbox, `no JSON\n${text("after it")}`);
    await daemon.start();
    await eventually(() => sent().length === 1, "the next line is sent");
    expect(jsonLines(paths.rejected)).toMatchObject([{ line: "no JSON" }]);
    expect(statSync(paths.rejected).size).toBeLessThan(1_000);
    expect(readFileSync(paths.log, "utf8")).toContain("cannot be kept in outbox.rejected.jsonl.1");
  });
});
