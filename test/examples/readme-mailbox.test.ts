import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serveBroker, type Served } from "../cli/served.js";
import { startProgram } from "../kit/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(`${root}README.md`, "utf8");
const lines = (/```sh\n(npx broker mailbox open[^]*?)```/.exec(readme)?.[1] ?? "").trimEnd().split("\n");

let served: Served;
beforeAll(async () => {
  served = await serveBroker();
});
afterAll(() => served.end());

/** Starts a line of the README as a shell takes it: this broker's folder and doors stand in for the usual ones. */
function start(line = "") {
  const { dataDir, at } = served;
  const typed = line
    .replace(/^npx broker (\S+)/, `"$NODE" bin/broker.js $1 --data-dir "${dataDir}"`)
    .replace(/^(python3 \S+ \S+)/, `exec $1 "${at.zmqIn}" "${at.zmqOut}"`)
    .replace(/^python3|(?<=exec )python3/, "/usr/bin/python3");
  return startProgram("/bin/sh", ["-c", `cd "${root}" && ${typed}`], { NODE: process.execPath, PYTHONUNBUFFERED: "1" });
}

it("shows a mailbox in six lines that work as they are typed", async () => {
  expect(lines).toHaveLength(6);
  const [open, send, list, back, show, close] = lines;
  expect(await start(open).ended).toMatchObject({ code: 0 });
  expect(await start(send).ended).toMatchObject({ code: 0, stderr: expect.stringContaining("stored; ada") as string });
  expect(JSON.parse((await start(list).ended).stdout)).toMatchObject({ agent: "ada", here: false, waiting: 1 });
  const ada = start(back);
  await ada.prints(/look at this when you are back/);
  await expect
    .poll(async () => JSON.parse((await start(show).ended).stdout) as unknown, { timeout: 20_000 })
    .toMatchObject({ agent: "ada", waiting: 0, done: 1 });
  await ada.stop("SIGINT");
  expect(await start(close).ended).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("no mailbox any more") as string,
  });
});
