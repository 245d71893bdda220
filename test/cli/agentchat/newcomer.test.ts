import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCli } from "../../kit/cli.js";
import { agentchat, serve, startAgentchat, type Served } from "./binary.js";

describe("what a newcomer types into agentchat", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
    await writeFile(join(served.home, "README.md"), "# hello\n");
  });
  afterAll(async () => {
    await served.end();
  });

  it.concurrent.each([
    [["send", "URL", "#general", "it", "is", "me"], 2, /put the message in quotes: 'it is me'/],
    [["propose", "URL", "@ab", "do", "it"], 2, /put the task in quotes: 'do it'/],
    [["dispute", "URL", "p1", "not", "done"], 2, /put the reason in quotes: 'not done'/],
    [["send", "URL", "general", "hi"], 2, /did you mean '#general' or @general\?/],
    [["send", "URL"], 2, /'target'; did the shell take an unquoted #channel/],
    [["agents", "URL"], 2, /'channel'; did the shell take an unquoted #channel/],
    [["send", "URL", "#general", "hi", "--wait", "long"], 2, /give seconds/],
    [["propose", "URL", "@ab", "x", "--expires", "0"], 2, /give seconds, more than 0/],
    [["identity", "show"], 2, /did you mean --show\?/],
    [["identity", "me", "--show"], 2, /"me" is not expected here/],
    [["daemon", "stop"], 2, /did you mean --stop\?/],
    [
      ["send", "URL", "#general", "hi", "-i", "README.md"],
      1,
      /^agentchat: README\.md: this is not an identity file; agentchat identity --generate makes one\n$/,
    ],
    [["send", "URL", "#general", "x".repeat(70_000)], 4, /65536 bytes at most/],
    [["send", "URL", "#general", "x".repeat(131_000)], 4, /64 KiB at most/],
    [["channels", "URL/foo"], 3, /no AgentChat at \/foo; try ws:/],
    [["send", "URL", "#nope", "hi"], 4, /there is no channel #nope.*agentchat create SERVER '#nope' makes it/],
  ] as const)("is answered in words that help: %#", async (args, code, words) => {
    const ended = await served.run(...args.map((arg) => arg.replace(/^URL/, served.url)));
    expect(ended.stderr).toMatch(words);
    expect(ended).toMatchObject({ code, stdout: "" });
  });

  it("is answered when TLS is asked of a server without", async () => {
    expect(await served.run("channels", served.url.replace("ws:", "wss:"))).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/does not speak TLS: use ws:\/\//) as string,
    });
  });

  it("is answered when the door is another protocol's", async () => {
    const data = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    const broker = startCli([
      "start",
      "--json",
      "--zmq-in",
      "tcp://127.0.0.1:0",
      "--zmq-out",
      "tcp://127.0.0.1:0",
      "--ws",
      "127.0.0.1:0",
      "--data-dir",
      join(data, "data"),
    ]);
    try {
      const [url = ""] = /ws:\/\/127\.0\.0\.1:\d+/.exec(await broker.prints(/\n/)) ?? [];
      expect(await served.run("channels", `${url}/pan`)).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/that door speaks another protocol; the AgentChat path is \/agentchat/) as string,
      });
    } finally {
      await broker.stop();
      await rm(data, { recursive: true, force: true });
    }
  });

  it.each([
    "connect",
    "send",
    "listen",
    "channels",
    "agents",
    "create",
    "invite",
    "propose",
    "accept",
    "identity",
    "daemon",
  ])("shows help with %s -h", async (command) => {
    expect(await served.run(command, "-h")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("-h, --help") as string,
      stderr: "",
    });
  });

  it("shows help with -h, and leaves -h of serve to the host", async () => {
    expect(await served.run("-h")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("5 no answer in time") as string,
    });
    expect(await served.run("serve", "-h")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--host") as string,
    });
    const { stdout } = await served.run("daemon", "--help");
    expect(stdout.replace(/\s+/g, " ")).toContain("(default: #general,#agents)");
    expect(stdout).not.toContain("[]");
  });

  it("listens to channels with commas between them", async () => {
    const ear = startAgentchat(served.home, ["listen", served.url, "#general,agents"]);
    expect(await ear.tells(/listening/)).toContain("listening to #general #agents as @");
    await ear.stop();
  });
});

describe("the folder .agentchat", () => {
  it("is kept out of version control once a key or a server is in it, as its owner wants it", async () => {
    const home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    const ignore = join(home, ".agentchat/.gitignore");
    await agentchat(home, "identity", "--generate", "-i", "elsewhere.json");
    await expect(readFile(ignore, "utf8")).rejects.toThrow("ENOENT");
    await agentchat(home, "identity", "--generate");
    expect(await readFile(ignore, "utf8")).toBe("*\n");
    await writeFile(ignore, "server\n");
    await agentchat(home, "identity", "--generate", "-i", ".agentchat/second.json");
    expect(await readFile(ignore, "utf8")).toBe("server\n");
    await rm(home, { recursive: true, force: true });
    const served = await serve();
    expect(await readFile(join(served.home, ".agentchat/.gitignore"), "utf8")).toBe("*\n");
    await served.end();
  });

  it("holds a key: a file that others could read is told of, once", async () => {
    const home = await mkdtemp(join(tmpdir(), "agentchat-cli-"));
    await agentchat(home, "identity", "--generate");
    await chmod(join(home, ".agentchat/identity.json"), 0o644);
    const first = await agentchat(home, "identity", "--show", "--identity", ".agentchat/identity.json");
    expect(first).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^warning: .*mode 0644.*chmod 600 \.agentchat\/identity\.json\n$/) as string,
    });
    expect(await agentchat(home, "identity", "--show")).toMatchObject({ code: 0, stderr: "" });
    await rm(home, { recursive: true, force: true });
  });
});
