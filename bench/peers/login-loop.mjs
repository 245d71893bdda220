// How long logins by JWT hold the loop of a broker up: prints by how many milliseconds its timers were late, as JSON. The
// broker is in this process, its clients are in another.
//   node login-loop.mjs FOLDER ALGORITHM LOGINS_EACH_SECOND SECONDS
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Broker } from "../../dist/src/index.js";
import { networkTokens } from "./network-tokens.mjs";

const [folder, algorithm, perSecond, seconds] = process.argv.slice(2).map((word, at) => (at < 2 ? word : Number(word)));
const logins = perSecond * seconds;
const { config, file } = await networkTokens(join(folder, "issuer"), "net", logins, algorithm);
const { identityProviders } = JSON.parse(readFileSync(config, "utf8"));
const broker = new Broker({
  dataDir: join(folder, "data"),
  zmqIn: ["tcp://127.0.0.1:0"],
  zmqOut: ["tcp://127.0.0.1:0"],
  ws: ["127.0.0.1:0"],
  identityProviders,
});
await broker.start();
const { ws } = broker.endpoints;
await new Promise((resolve) => setTimeout(resolve, 3_000)); // what is loaded behind the start is loaded
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const client = spawn(
  process.execPath,
  [new URL("login-client.mjs", import.meta.url).pathname, ws[0], file, String(perSecond)],
  { stdio: ["ignore", "pipe", "inherit"] },
);
let said = "";
client.stdout.on("data", (chunk) => (said += chunk));
const [code] = await once(client, "close");
delay.disable();
await broker.stop();
if (code !== 0) throw new Error(`the client ended with ${code}`);
const ms = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - 1);
process.stdout.write(
  JSON.stringify({
    ...JSON.parse(said),
    p50: ms(delay.percentile(50)),
    p99: ms(delay.percentile(99)),
    longest: ms(delay.max),
  }),
);
