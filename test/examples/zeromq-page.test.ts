import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serveBroker, type Served } from "../cli/served.js";
import { startCli, startProgram } from "../kit/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, "utf8");
/** The script of the README, up to where it waits for a message. */
const [, common = ""] =
  /The whole of it, without our code:\n\n```python\n([^]*?)\nmessage, late = None/.exec(read("README.md")) ?? [];
const [, takes = ""] = /```python\n(def ask\(kind[^]*?)```/.exec(read("docs/zeromq-clients.md")) ?? [];
/** "Once a `ping` was answered": it is asked again until it is. */
const ping = `
while not sub.poll(100):
    send("$broker", "request", "ping", content={"message": "ping", "kind": "ping"})
sub.recv_multipart()
`;

let served: Served;
beforeAll(async () => {
  served = await serveBroker();
});
afterAll(() => served.end());

it("takes from a mailbox by the script of docs/zeromq-clients.md, as it stands there", async () => {
  const { at, dataDir } = served;
  expect(await served.cli("mailbox", "open", "ada", "--mode", "take")).toMatchObject({ code: 0 });
  expect(await served.cli("send", "ada", "a note")).toMatchObject({ code: 0 });
  const asked = startCli(["send", "ada", "a question", "--wait", "30", "--data-dir", dataDir]);
  await expect
    .poll(async () => (await served.cli("mailbox", "show", "ada")).stdout, { timeout: 20_000 })
    .toContain('"waiting":2');
  const script = `${common}\n${ping}\n${takes}`
    .replace("tcp://127.0.0.1:5556", at.zmqOut)
    .replace("tcp://127.0.0.1:5555", at.zmqIn);
  const { code, stdout, stderr } = await startProgram("/usr/bin/python3", ["-c", script]).ended;
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toContain("operator {'message': 'a note'}\n");
  expect(stdout).toContain("'message': 'a question'");
  expect(await asked.ended).toMatchObject({ code: 0, stdout: "done\n" });
  expect(JSON.parse((await served.cli("mailbox", "show", "ada")).stdout)).toMatchObject({
    waiting: 0,
    leased: 0,
    done: 1,
    answered: 1,
  });
});
