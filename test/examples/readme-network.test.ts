import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { serveBroker, type Served } from "../cli/served.js";
import { startProgram, type Program } from "../kit/cli.js";
import { NetworkTalker } from "../kit/network-talker.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const section = /\n## Agent Network\n([^]*?)\n## /.exec(readFileSync(`${root}README.md`, "utf8"))?.[1] ?? "";
const blocks = [...section.matchAll(/```(sh|json)\n([^]*?)\n```/g)].map(([, kind, text = ""]) => [
  kind,
  ...text.split("\n"),
]);

let served: Served;
beforeAll(async () => {
  // Whoever gives no sign of life for three seconds is gone.
  served = await serveBroker("--limit", "wsPingMs=500", "networkHeartbeatMs=1000", "networkSilenceMs=1000");
});
afterAll(() => served.end());

/** Starts a line of the README as a shell takes it: this broker's folder and door stand in for the usual ones. */
function start(line = ""): Program {
  const typed = line
    .replaceAll(/npx broker ((?:network )?\S+)/g, `"$NODE" bin/broker.js $1 --data-dir "${served.dataDir}"`)
    .replace("npx wscat", "node_modules/.bin/wscat")
    .replace("ws://127.0.0.1:8080", served.at.ws);
  return startProgram("/bin/sh", ["-c", `cd "${root}" && exec ${typed}`], { NODE: process.execPath }, "pipe");
}

it("shows a session of Agent Network by wscat that works as it is typed", async () => {
  expect(blocks.map(([kind, ...lines]) => [kind, lines.length])).toEqual([
    ["sh", 2],
    ["json", 3],
    ["sh", 1],
    ["json", 1],
  ]);
  const [[, listen, wscat], [, query, lost, list], [, send], [, leave]] = blocks as [
    string[],
    string[],
    string[],
    string[],
  ];
  const bob = start(listen);
  await bob.tells(/listening as bob/);
  const alice = start(wscat);
  await alice.prints(/"messageType":"CONNECTED"/);
  const types = (line = ""): void => void alice.process.stdin?.write(`${line}\n`);

  types(query);
  await alice.prints(/"messageType":"ACK".*"messageId":"m1"/);
  expect(JSON.parse(await bob.prints(/free on Monday/))).toEqual(JSON.parse(query ?? ""));
  types(lost);
  await alice.prints(/"errorCode":"RECIPIENT_NOT_FOUND".*"originalMessageId":"m2"/);
  types(list);
  await alice.prints(/"requestId":"r2".*"bob"/);

  // A client that answers no pings comes later, and is gone; whoever types is still there.
  const token = (await served.cli("token", "mute", "--jwt")).stdout.trim();
  const mute = await NetworkTalker.enter(`${served.at.ws}/agent-network/v1/connect`, "mute", token, {
    autoPong: false,
  });
  expect((await mute.closed).code).toBe(4408);

  expect(await start(send).ended).toMatchObject({ code: 0 });
  await alice.prints(/Monday is fine/);
  types(leave);
  await alice.prints(/"messageType":"ACK".*"messageId":"m4"/);
  expect((await alice.ended).code).toBe(0);
  expect((await bob.stop("SIGINT")).code).toBe(0);
});
