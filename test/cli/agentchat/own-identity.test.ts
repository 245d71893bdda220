import { appendFile, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { daemonUsing, identityInUseWords, type IdentityUser } from "../../../src/cli/agentchat/own-identity.js";
import { serve, startAgentchat, type Served } from "./binary.js";

describe("a daemon of this folder that has the identity", () => {
  let home: string;
  let bob: IdentityUser;
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    await writeFile(join(home, "me.json"), "{}");
    await writeFile(join(home, "other.json"), "{}");
    await symlink(join(home, "me.json"), join(home, "link.json"));
    bob = {
      instance: "bob",
      running: true,
      server: "ws://127.0.0.1:6667",
      identity: join(home, "me.json"),
      outboxPath: join(process.cwd(), "x/outbox.jsonl"),
    };
  });
  afterAll(async () => {
    await rm(home, { recursive: true, force: true });
  });

  it("is found by the real path of its file and the server's host and port", () => {
    for (const [file, url] of [
      ["me.json", "ws://127.0.0.1:6667"],
      ["link.json", "ws://localhost:6667/agentchat"],
    ] as const)
      expect(daemonUsing([bob], join(home, file), url)).toBe(bob);
    for (const [file, url] of [
      ["other.json", "ws://127.0.0.1:6667"],
      ["none.json", "ws://127.0.0.1:6667"],
      ["me.json", "ws://127.0.0.1:6668"],
      ["me.json", "ws://chat.example:6667"],
    ] as const) {
      expect(daemonUsing([bob], join(home, file), url)).toBeUndefined();
    }
    const anonymous = { instance: "eve", running: true, server: "ws://127.0.0.1:6667", outboxPath: bob.outboxPath };
    expect(
      daemonUsing([{ ...bob, running: false }, anonymous], join(home, "me.json"), "ws://127.0.0.1:6667"),
    ).toBeUndefined();
  });

  it("is named, with its outbox and the very line, or with what to do instead", () => {
    const words = identityInUseWords(bob, { line: { type: "ACCEPT", proposal_id: "p1", payment_code: undefined } });
    expect(words).toMatch(
      /^the daemon bob uses this identity, and a second session would end it: let the daemon send this/,
    );
    expect(words).toMatch(
      /through its outbox \(\.\/x\/outbox\.jsonl\), or stop it first: agentchat daemon --name bob --stop/,
    );
    expect(words.split("\n").at(-1)).toBe('{"type":"ACCEPT","proposal_id":"p1"}');
    expect(identityInUseWords(bob, { instead: "leave it out" })).toMatch(
      /would end it: leave it out, or stop it first/,
    );
  });
});

describe("a command with the identity of a daemon that runs", () => {
  let served: Served;
  const mine = ["-i", ".agentchat/identity.json"] as const;
  beforeAll(async () => {
    served = await serve();
    await served.run("identity", "--generate", "--name", "bob");
    const { code, stderr } = await served.run("daemon", served.url, "--name", "bob", "--background", ...mine);
    expect(code, stderr).toBe(0);
  });
  afterAll(async () => {
    await served.run("daemon", "--stop-all");
    await served.end();
  });

  it.each([
    [["send", "URL", "#general", "hi", ...mine], '{"to":"#general","content":"hi"}'],
    [
      ["create", "URL", "#lab", "--invite-only", ...mine],
      '{"type":"CREATE_CHANNEL","channel":"#lab","invite_only":true}',
    ],
    [["invite", "URL", "#lab", "@ab", ...mine], '{"type":"INVITE","channel":"#lab","agent":"@ab"}'],
    [
      ["propose", "URL", "@ab", "review", "--amount", "5", "--payment-code", "c"],
      '{"type":"PROPOSAL","to":"@ab","task":"review","amount":5,"payment_code":"c"}',
    ],
    [["accept", "URL", "p1"], '{"type":"ACCEPT","proposal_id":"p1"}'],
    [["reject", "URL", "p1", "--reason", "no"], '{"type":"REJECT","proposal_id":"p1","reason":"no"}'],
    [["complete", "URL", "p1", "--proof", "x"], '{"type":"COMPLETE","proposal_id":"p1","proof":"x"}'],
    [["dispute", "URL", "p1", "late"], '{"type":"DISPUTE","proposal_id":"p1","reason":"late"}'],
    [["channels", "URL", ...mine], "leave out --identity"],
    [["agents", "URL", "#general", ...mine], "leave out --identity"],
    [["listen", "URL", ...mine], "inbox.jsonl"],
    [["connect", "URL", ...mine], "outbox.jsonl"],
    [["daemon", "URL", "-n", "second", ...mine], "outbox.jsonl"],
  ] as const)("is refused before it connects, and told how the daemon does it: %j", async (args, words) => {
    const ended = await served.run(...args.map((arg) => (arg === "URL" ? served.url : arg)));
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("the daemon bob uses this identity, and a second session would end it");
    expect(ended.stderr).toContain(words);
  });

  it("takes the line that it was told: the daemon says it", async () => {
    const ear = startAgentchat(served.home, ["listen", served.url]);
    try {
      await ear.tells(/listening/);
      const { stderr } = await served.run("send", served.url, "#general", "by the daemon", ...mine);
      await appendFile(
        join(served.home, ".agentchat/daemons/bob/outbox.jsonl"),
        `${stderr.trim().split("\n").at(-1) ?? ""}\n`,
      );
      await ear.prints(/by the daemon/);
    } finally {
      await ear.stop();
    }
  });

  it("goes on with --force, at another server, and as somebody else", async () => {
    expect(await served.run("send", served.url, "#general", "hi")).toMatchObject({ code: 0 });
    expect(await served.run("send", "ws://127.0.0.1:1", "#general", "hi", ...mine)).toMatchObject({ code: 3 });
    const forced = await served.run("daemon", served.url, "-n", "second", "-b", "--json", "--force", ...mine);
    expect(JSON.parse(forced.stdout)).toMatchObject({ instance: "second", connected: true });
    expect(await served.run("send", served.url, "#general", "hi", ...mine)).toMatchObject({ code: 2 });
    expect(await served.run("send", served.url, "#general", "hi", ...mine, "--force")).toMatchObject({ code: 0 });
  });
});
