import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { agentchat, serve, startAgentchat } from "./binary.js";

describe("agentchat listen, when the line breaks", () => {
  it("comes back to a server that was started anew, into its channels", async () => {
    const home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    const first = await serve();
    const { port } = new URL(first.url);
    const ear = startAgentchat(home, ["listen", first.url, "#agents"]);
    try {
      await present(first.url, "#agents");
      await first.end();
      const second = startAgentchat(home, ["serve", "-h", "127.0.0.1", "-p", port]);
      await second.prints(/ready/);
      await present(first.url, "#agents");
      await agentchat(home, "send", first.url, "#agents", "good to have you back");
      await ear.prints(/good to have you back/);
      await second.stop();
    } finally {
      ear.process.kill("SIGINT");
    }
    const { code, stderr } = await ear.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /the connection is lost; the next try (?:is in \d+ s|comes at once)\n[^]*connected again, as @/,
    );
    await rm(home, { recursive: true, force: true });
  });

  it("ends when another session of its identity has taken over, and says so", async () => {
    const served = await serve();
    await served.run("identity", "--generate");
    const mine = ["listen", served.url, "-i", ".agentchat/identity.json"];
    const old = startAgentchat(served.home, mine);
    try {
      await present(served.url, "#general");
      const young = startAgentchat(served.home, mine);
      const ended = await old.ended;
      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/closed the connection for good; is this identity in use elsewhere\?/);
      expect(await young.stop("SIGTERM")).toMatchObject({ code: 0 });
    } finally {
      await old.stop();
      await served.end();
    }
  });
});

/** Waits, by asking the server, until somebody is in the channel. */
async function present(url: string, channel: string): Promise<void> {
  for (let asked = 0; asked < 60; asked += 1) {
    const { code, stdout } = await agentchat(tmpdir(), "agents", url, channel);
    if (code === 0 && stdout !== "") return;
  }
  throw new Error(`nobody came to ${channel}`);
}
