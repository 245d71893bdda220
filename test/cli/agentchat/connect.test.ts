import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProgram } from "../../kit/cli.js";
import { atTerminal, binary, serve, startAgentchat, type AtTerminal, type Served } from "./binary.js";

describe("agentchat connect", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
  });
  afterAll(async () => {
    await served.end();
  });

  describe("on a terminal", () => {
    const open: AtTerminal[] = [];
    const terminal = (name: string, env: NodeJS.ProcessEnv = {}): AtTerminal => {
      const at = atTerminal(["connect", served.url, "--name", name], env);
      open.push(at);
      return at;
    };
    afterAll(() => {
      for (const at of open) at.end();
    });

    it("is a conversation: channels, direct messages, lists, comings and goings", async () => {
      const ada = terminal("ada", { NO_COLOR: "1" });
      const [, adaId = ""] = /as (@\w+);/.exec(await ada.shows(/as @\w+; \/help lists/)) ?? [];
      await ada.shows(/you are in #general[^]*#general> /);
      const bob = terminal("bob", { NO_COLOR: "1" });
      const [, bobId = ""] = /as (@\w+);/.exec(await bob.shows(/as @\w+;/)) ?? [];
      await bob.shows(/#general> /);
      await ada.shows(new RegExp(`#general bob ${bobId} joined`));

      bob.type("hello all\r");
      await ada.shows(new RegExp(`#general bob ${bobId}: hello all`));
      ada.type(`/msg ${bobId} only you\r`);
      await bob.shows(new RegExp(`direct ada ${adaId}: only you`));
      ada.type("/agents\r");
      await ada.shows(new RegExp(`${bobId} +bob\\s`)); // in whichever order, and whatever the width of its column
      ada.type("/channels\r");
      await ada.shows(/#general +2/);

      ada.type("/join agents\r");
      await ada.shows(/you are in #agents[^]*#agents> /);
      ada.type("/leave\r");
      await ada.shows(/you left #agents[^]*#general> /);
      ada.type("/join #nowhere\r");
      await ada.shows(/CHANNEL_NOT_FOUND[^]*\/channels lists them, \/create #nowhere makes it/);
      ada.type("/create #nowhere private\r");
      await ada.shows(/you are in #nowhere/);
      ada.type(`/invite ${bobId}\r`);
      await bob.shows(new RegExp(`${adaId} invites you to #nowhere`));
      bob.type("/join #nowhere\r");
      await bob.shows(/you are in #nowhere/);
      ada.type("/fly\r");
      await ada.shows(/there is no \/fly; \/help/);

      bob.type("/quit\r");
      expect(await bob.ended).toBe(0);
      await ada.shows(new RegExp(`${bobId} left`));
      ada.type("\u0004");
      expect(await ada.ended).toBe(0);
    });

    it("keeps what is half typed when somebody speaks meanwhile", async () => {
      const eve = terminal("eve", { NO_COLOR: "1" });
      await eve.shows(/#general> /);
      eve.type("half a sen");
      await eve.shows(/half a sen/);
      await served.run("send", served.url, "#general", "meanwhile", "-n", "dan");
      await eve.shows(/: meanwhile\r\n[^]*#general> half a sen/);
      eve.type("\u0003");
      expect(await eve.ended).toBe(0);
    });

    it("has colours, unless NO_COLOR says no", async () => {
      const colour = terminal("colour", { NO_COLOR: "" });
      expect(await colour.shows(/you are in #general/)).toContain("\u001b[2m");
      const plain = terminal("plain", { NO_COLOR: "1" });
      expect(await plain.shows(/you are in #general/)).not.toMatch(/\u001b\[\d+m/);
      for (const at of [colour, plain]) at.type("\u0004");
      expect([await colour.ended, await plain.ended]).toEqual([0, 0]);
    });

    it("colours what is said on a terminal only, also where the two streams go apart", async () => {
      const file = join(served.home, "messages");
      const apart = atTerminal(["connect", served.url, "--name", "apart"], { NO_COLOR: "" }, file);
      open.push(apart);
      await apart.shows(/#general> /);
      apart.type("/channels\r");
      await apart.shows(/#general +\d/);
      await served.run("send", served.url, "#general", "in colour");
      expect(await apart.shows(/: in colour/)).toMatch(/\u001b\[36m#general/);
      apart.type("\u0004");
      expect(await apart.ended).toBe(0);
      const messages = await readFile(file, "utf8");
      expect(messages).toMatch(/you are in #general\n/);
      expect(messages).not.toContain("\u001b");
    });

    it("lets no message of a stranger steer the terminal", async () => {
      const safe = terminal("safe", { NO_COLOR: "1" });
      await safe.shows(/#general> /);
      await served.run("send", served.url, "#general", "red\u001b[31malert\u0007");
      expect(await safe.shows(/alert\ufffd/)).toContain("red\ufffd[31malert");
      safe.type("/quit\r");
      expect(await safe.ended).toBe(0);
    });
  });

  it("takes lines from a pipe, without prompt or colours, does each before the next, and ends with them", async () => {
    const input = "/channels\n/join #agents\nfirst\nsecond\n/msg @nobody12 hi\n/agents\n";
    const ear = startAgentchat(served.home, ["listen", served.url, "#agents"]);
    try {
      for (let asked = 0; (await served.run("agents", served.url, "#agents")).stdout === ""; asked += 1)
        if (asked > 30) throw new Error("the listener did not come");
      const { code, stdout, stderr } = await startAgentchat(served.home, ["connect", served.url], { input }).ended;
      expect(code).toBe(0);
      expect(stdout).toMatch(/^#\w+ +\d+\n/);
      expect(stdout.split("\n").filter((line) => /^@[a-z0-9]{8} +agent-\d+$/.test(line))).toHaveLength(2);
      expect(stdout + stderr).not.toMatch(/\u001b|> /);
      expect(stderr).toMatch(/AGENT_NOT_FOUND/);
      const heard = (await ear.prints(/second/))
        .split("\n")
        .flatMap((line) => /"content":"(\w+)"/.exec(line)?.[1] ?? []);
      expect(heard).toEqual(["first", "second"]);
    } finally {
      await ear.stop();
    }
  });

  it("says more than the server takes at once, as fast as it takes it", async () => {
    const slow = await serve("--rate", "5", "--burst", "4");
    const ear = startAgentchat(slow.home, ["listen", slow.url]);
    try {
      const lines = Array.from({ length: 8 }, (_, at) => `line${at}`);
      for (let asked = 0; (await slow.run("agents", slow.url, "#general")).stdout === ""; asked += 1)
        if (asked > 30) throw new Error("the listener did not come");
      await startAgentchat(slow.home, ["connect", slow.url], { input: `${lines.join("\n")}\n` }).ended;
      const heard = (await ear.prints(/line7/))
        .split("\n")
        .flatMap((line) => /"content":"(\w+)"/.exec(line)?.[1] ?? []);
      expect(heard).toEqual(lines);
    } finally {
      await ear.stop();
      await slow.end();
    }
  });

  describe("with more typed than the server takes at once", () => {
    const lines = Array.from({ length: 8 }, (_, at) => `line${at}`);

    it("says at Ctrl-C how much is still to be sent, and drops it at the second", async () => {
      const slow = await serve("--rate", "0.01", "--burst", "3");
      const at = atTerminal(["connect", slow.url], { NO_COLOR: "1" });
      try {
        await at.shows(/#general> /);
        at.type(`${lines.join("\r")}\r`);
        await at.shows(/line7/);
        at.type("\u0003");
        await at.shows(/[678] lines still to send; Ctrl-C again drops them/);
        at.type("\u0003");
        await at.shows(/ended at once; [678] lines dropped/);
        expect(await at.ended).toBe(1);
      } finally {
        at.end();
        await slow.end();
      }
    });

    it("drops it at once when it is told to end", async () => {
      const slow = await serve("--rate", "0.01", "--burst", "3");
      await writeFile(join(slow.home, "lines"), `${lines.join("\n")}\n`);
      const ear = startAgentchat(slow.home, ["listen", slow.url]);
      await ear.tells(/listening/);
      const mouth = startProgram("sh", [
        "-c",
        'cd "$0" && exec "$@" < lines',
        slow.home,
        process.execPath,
        binary,
        "connect",
        slow.url,
      ]);
      try {
        await ear.prints(/line0/);
        const { code, stderr } = await mouth.stop("SIGTERM");
        expect(stderr).toMatch(/agentchat: ended at once; [678] lines dropped\n$/);
        expect(code).toBe(1);
      } finally {
        await ear.stop();
        await slow.end();
      }
    });

    it("sends it all the same after one Ctrl-C", async () => {
      const slow = await serve("--rate", "5", "--burst", "4");
      const ear = startAgentchat(slow.home, ["listen", slow.url]);
      try {
        await ear.tells(/listening/);
        await writeFile(join(slow.home, "lines"), `${lines.join("\n")}\n`);
        const mouth = startProgram("sh", [
          "-c",
          'cd "$0" && exec "$@" < lines',
          slow.home,
          process.execPath,
          binary,
          "connect",
          slow.url,
        ]);
        await ear.prints(/line0/);
        mouth.process.kill("SIGINT");
        const { code, stderr } = await mouth.ended;
        expect(code).toBe(0);
        expect(stderr).toMatch(/lines? still to send; Ctrl-C again drops/);
        await ear.prints(/line7/);
      } finally {
        await ear.stop();
        await slow.end();
      }
    });
  });
});
