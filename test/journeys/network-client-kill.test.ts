import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProgram, type Program } from "../kit/cli.js";
import { PartyWorld } from "../kit/network-party.js";

const client = new URL("../../dist/clients/typescript/agent-network/index.js", import.meta.url).href;

/** Says numbers after a word for as long as it lives, and prints each that is kept. */
const program = `
import { SecureAgentSocket } from ${JSON.stringify(client)};
const [url, token, store, word] = process.argv.slice(1);
const socket = new SecureAgentSocket(url, token, "agent_alice", { store, passphrase: "of a test" });
await socket.connect();
for (let n = 0; ; n += 1) {
  await socket.inform("agent_bob", word + " " + n);
  process.stdout.write("kept " + n + "\\n");
  await new Promise((resolve) => setTimeout(resolve, 2));
}
`;

describe("a client of Agent Network that is killed", () => {
  let world: PartyWorld;
  let folder: string;
  const running: Program[] = [];
  beforeEach(async () => {
    world = await PartyWorld.start({ limits: { networkRatePerSecond: 0 } });
    folder = await mkdtemp(join(tmpdir(), "synaptic-client-kill-"));
  });
  afterEach(async () => {
    for (const { process } of running.splice(0)) process.kill("SIGKILL");
    await world.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("has lost nothing that it had kept: it is said by the next run, before what that says", async () => {
    const bob = await world.login("agent_bob");
    const token = await world.world.token("agent_alice");
    const start = (word: string): Program => {
      const args = ["--input-type=module", "-e", program, world.url, token, join(folder, "alice"), word];
      const run = startProgram(process.execPath, args);
      running.push(run);
      return run;
    };
    const words = ["first", "second", "third"];
    const kept: number[] = [];
    for (const word of words) {
      const run = start(word);
      await run.prints(/kept 40\n/);
      run.process.kill("SIGKILL");
      const { stdout } = await run.ended;
      kept.push(Math.max(...[...stdout.matchAll(/kept (\d+)\n/g)].map(([, n]) => Number(n))));
    }
    start("end");
    await bob.hears("end 0");
    const heard = bob.texts.map(String);
    let from = 0;
    for (const [at, word] of words.entries()) {
      const of = heard.filter((text) => text.startsWith(word));
      expect(of).toEqual(Array.from(of, (_, n) => `${word} ${n}`)); // none twice, none missing, in order
      expect(of.length).toBeGreaterThan(kept[at] ?? Infinity);
      expect(heard.indexOf(`${word} 0`)).toBe(from);
      from += of.length;
    }
    expect(bob.events.all.filter(({ kind }) => kind !== "not-opened")).toEqual([]);
  });
});
