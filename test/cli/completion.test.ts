import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { allScopes } from "../../src/core/index.js";
import { runCli } from "../kit/cli.js";

/** What bash offers after these words; the last one is begun. */
function offered(script: string, ...words: readonly string[]): readonly string[] {
  const ask = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _broker; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", ask, "bash", "broker", ...words], { encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

describe("broker completion", () => {
  it("bash: commands, their options, choices and files", async () => {
    const { code, stdout: script } = await runCli(["completion", "bash"]);
    expect(code).toBe(0);
    expect(offered(script, "st")).toEqual(["start", "stop", "status"]);
    expect(offered(script, "config", "")).toEqual(expect.arrayContaining(["print", "check", "schema"]));
    expect(offered(script, "start", "--zmq-")).toEqual(["--zmq-in", "--zmq-out", "--zmq-auth"]);
    expect(offered(script, "start", "--zmq-auth", "")).toEqual(["none", "optional", "required"]);
    expect(offered(script, "config", "check", "--tls-cert", "pack")).toEqual(expect.arrayContaining(["package.json"]));
    expect(offered(script, "completion", "")).toEqual(expect.arrayContaining(["bash", "zsh", "fish"]));
    expect(offered(script, "tap", "--kind", "")).toEqual([]);
    expect(offered(script, "token", "--scope", "")).toEqual([...allScopes]);
  });

  it.each(["bash", "zsh", "fish"])("%s: every command that --help shows is there", async (shell) => {
    const { stdout: help } = await runCli(["--help"]);
    const { stdout: script } = await runCli(["completion", shell]);
    const commands = [...help.slice(help.indexOf("Commands:")).matchAll(/^ {2}(\w+)/gm)]
      .map(([, name = ""]) => name)
      .filter((name) => name !== "help");
    expect(commands.length).toBeGreaterThan(9);
    for (const name of commands) expect(script).toMatch(new RegExp(`["' ]${name}["' :]`));
    expect(script).toContain("agentchat-identity");
  });

  it("refuses other shells", async () => {
    const { code, stderr } = await runCli(["completion", "tcsh"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Allowed choices are bash, zsh, fish/);
  });
});
