import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { AgentChatClient, type MsgEvent } from "../../../clients/typescript/agentchat/client.js";
import type { Ended } from "../../kit/cli.js";
import { PemServer } from "../../kit/pem-server.js";
import { agentchat, startAgentchat } from "./binary.js";

describe.each(["plain", "proving"] as const)("agentchat with an identity at a %s server of other makers", (kind) => {
  let server: PemServer;
  let home: string;
  /** An agent who is there all the time. */
  let bob: AgentChatClient;
  let bobId: string;
  beforeAll(async () => {
    server = await PemServer.start(kind);
    home = await mkdtemp(join(tmpdir(), "agentchat-others-"));
    for (const name of ["ada", "bob"])
      await agentchat(home, "identity", "--generate", "-n", name, "-i", `${name}.json`);
    bob = new AgentChatClient({ server: server.url, identity: join(home, "bob.json"), reconnect: false });
    await bob.connect();
    bobId = bob.agentId ?? "";
    await bob.join("#general");
  });
  afterAll(async () => {
    await bob.disconnect();
    await server.stop();
    await rm(home, { recursive: true, force: true });
  });
  const run = (command: string, ...args: readonly string[]): Promise<Ended> =>
    agentchat(home, command, server.url, ...args, "-i", "ada.json");
  const heard = (content: string): Promise<MsgEvent> =>
    new Promise((resolve) => {
      bob.on("message", (message) => {
        if (message.content === content) resolve(message);
      });
    });

  it("send: is sent to a channel, which it joins for it, and to an agent", async () => {
    const [inChannel, direct] = [heard("hello"), heard("psst")];
    expect(await run("send", "#general", "hello")).toEqual({ code: 0, stdout: "", stderr: "sent to #general\n" });
    expect(await run("send", bobId, "psst")).toEqual({ code: 0, stdout: "", stderr: `sent to ${bobId}\n` });
    expect(await inChannel).toMatchObject({ to: "#general", sig: expect.stringMatching(/./) as string });
    expect(await direct).toMatchObject({ to: bobId });
  });

  it.each([
    ["#nowhere", /^agentchat: CHANNEL_NOT_FOUND: no \(/],
    ["@nobody", /^agentchat: AGENT_NOT_FOUND: no \(/],
  ])("send: what is refused, before PONG and without a reference, is never sent: %s", async (to, words) => {
    const ended = await run("send", to, "hello");
    expect(ended).toMatchObject({ code: 4, stdout: "", stderr: expect.stringMatching(words) as string });
    expect(ended.stderr).not.toContain("sent to");
  });

  it("send: says that it cannot know, where a refusal can be about anything", async () => {
    const other = new AgentChatClient({ server: server.url, identity: join(home, "ada.json"), reconnect: false });
    server.messageEveryMs = Infinity;
    try {
      await other.connect(); // a message before, of the same session, is what the server counts
      await other.deliver(bobId, "first");
      await expect(other.deliver(bobId, "second")).rejects.toMatchObject({ code: "RATE_LIMITED" });
    } finally {
      await other.disconnect();
      server.messageEveryMs = 0;
    }
    server.refusesMessages = "QUOTA_SPENT";
    try {
      expect(await run("send", bobId, "hello")).toEqual({
        code: 4,
        stdout: "",
        stderr:
          "agentchat: QUOTA_SPENT: no; the server does not say what it refuses, " +
          "so it is not known whether the message was taken: check before you send it again\n",
      });
    } finally {
      server.refusesMessages = undefined;
    }
  });

  it("send --wait: knows the answer by the id that the server gave the question", async () => {
    bob.on("message", ({ content, msg_id: id, from }) => {
      if (content === "question?")
        void (kind === "plain" ? bob.dm(from, "yes") : bob.send("#general", "yes", { inReplyTo: id }));
    });
    const ended = await run("send", "#general", "question?", "--wait", "10", "--json");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(ended.stdout)).toMatchObject({ answer: { from: bobId, content: "yes" } });
  });

  it("channels, agents, create, invite", async () => {
    expect((await run("channels", "--json")).stdout).toContain('{"name":"#general","agents":1}');
    expect((await run("agents", "#general")).stdout.trim()).toMatch(
      kind === "plain" ? new RegExp(`^${bobId}$`) : new RegExp(`^${bobId} +bob$`),
    );
    expect(await run("create", "#den", "--invite-only")).toMatchObject({ code: 0, stderr: "made #den\n" });
    expect(await run("create", "#den")).toMatchObject({ code: 4 });
    expect(await run("create", "#open")).toMatchObject({ code: 0 });
    expect(await run("invite", "#open", bobId)).toMatchObject({ code: 0, stderr: `invited ${bobId} to #open\n` });
    expect(await run("send", "#den", "who is in?")).toMatchObject({ code: 4 }); // its maker's session is over
  });

  it("propose, accept, complete, dispute, reject", async () => {
    const proposed = await run("propose", bobId, "dig", "--amount", "5", "--currency", "SOL", "--json");
    expect(proposed).toMatchObject({ code: 0, stderr: "" });
    const { proposal_id: id } = JSON.parse(proposed.stdout) as { readonly proposal_id: string };
    for (const [step, status] of [
      ["accept", "accepted"],
      ["complete", "completed"],
      ["reject", "rejected"],
    ] as const)
      expect(await run(step, id)).toEqual({ code: 0, stdout: `${id} ${status}\n`, stderr: "" });
    expect(await run("dispute", id, "no hole")).toMatchObject({ code: 0, stdout: `${id} disputed\n` });
    expect(await run("accept", "p99")).toMatchObject({ code: 4, stdout: "" });
  });

  it("listen: prints what is said, once over a lost line, and types that it does not know", async () => {
    const ear = startAgentchat(home, ["listen", server.url, "-i", "ada.json"]);
    await ear.tells(/listening to #general/);
    await bob.deliver("#general", "before");
    await ear.prints(/"before"/);
    server.sayAll({ type: "TYPING", from: bobId, channel: "#general" });
    await ear.prints(/"TYPING"/);
    const lost = new Promise((resolve) => bob.once("close", resolve));
    server.dropAll();
    await lost;
    await ear.tells(/connected again/);
    await bob.connect();
    await bob.join("#general");
    await bob.deliver("#general", "after");
    await ear.prints(/"after"/);
    const { code, stdout } = await ear.stop();
    expect(code).toBe(0);
    expect(stdout.match(/"content":"before"/g)).toHaveLength(1);
    expect(stdout).not.toContain('"verified"');
  });

  it("connect: talks, and shows no doubt about signatures that nobody has checked", async () => {
    const said = heard("from the console");
    const { code, stdout, stderr } = await startAgentchat(home, ["connect", server.url, "-i", "ada.json"], {
      input: "from the console\n/msg @nobody x\n/agents\n/leave #general\n",
    }).ended;
    expect(code).toBe(0);
    expect(await said).toMatchObject({ to: "#general" });
    expect(stdout).not.toContain("does not verify");
    expect(stdout).toContain(bobId);
    expect(stderr).toMatch(/AGENT_NOT_FOUND: no/);
    expect(stderr).toMatch(/you left #general/);
  });

  it("daemon: sends its outbox and keeps what it hears", async () => {
    const daemon = startAgentchat(home, ["daemon", server.url, "-i", "ada.json", "-c", "#general"]);
    const folder = join(home, ".agentchat/daemons/default");
    try {
      await vi.waitFor(async () => {
        expect((await agentchat(home, "daemon", "--status")).stdout).toMatch(/^connected +yes$/m);
      }, 20_000);
      const said = heard("from the outbox");
      await appendFile(
        join(folder, "outbox.jsonl"),
        `${JSON.stringify({ to: "#general", content: "from the outbox" })}\n`,
      );
      expect(await said).toMatchObject({ to: "#general" });
      await bob.deliver("#general", "to the inbox");
      await vi.waitFor(async () => {
        expect(await readFile(join(folder, "inbox.jsonl"), "utf8")).toContain('"to the inbox"');
      }, 10_000);
    } finally {
      expect((await daemon.stop()).code).toBe(0);
    }
  });

  it("comes in no other form than PEM, with one key for each agent", () => {
    expect(new Set(server.keys).size).toBe(2);
    for (const key of server.keys)
      expect(key).toMatch(/^-----BEGIN PUBLIC KEY-----\n.{60}\n-----END PUBLIC KEY-----\n$/);
  });
});
