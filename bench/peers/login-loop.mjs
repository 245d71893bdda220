// How long logins keep the loop of a broker busy, by JWT, and beside them by opaque tokens, and without any: prints the
// figures of `watchTurns` for each round of each, as JSON. The broker is in this process, its clients are in another.
//   node login-loop.mjs FOLDER ALGORITHM LOGINS_EACH_SECOND SECONDS ROUNDS
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultLimits, systemClock } from "../../dist/src/core/index.js";
import { IdentityTokens } from "../../dist/src/identity/index.js";
import { Broker } from "../../dist/src/index.js";
import { DataDirectory } from "../../dist/src/storage/index.js";
import { networkTokens } from "./network-tokens.mjs";
import { watchTurns } from "./turns.mjs";

const [folder, algorithm, perSecond, seconds, rounds] = process.argv
  .slice(2)
  .map((word, at) => (at < 2 ? word : Number(word)));
const logins = perSecond * seconds;
const dataDir = join(folder, "data");
mkdirSync(dataDir, { mode: 0o700 });

/** Tokens for `own`0 and so on: the names are proved before, and log in again in each round. */
async function opaqueTokens() {
  const identity = new IdentityTokens({
    dataDirectory: new DataDirectory(dataDir),
    clock: systemClock,
    limits: defaultLimits,
    reserved: [],
  });
  identity.load();
  const tokens = [];
  for (let at = 0; at < logins; at += 1) tokens.push(await identity.issue({ kind: "ws", subject: `own${at}` }));
  return tokens;
}

const { config, tokens: jwts } = await networkTokens(join(folder, "issuer"), "net", logins * rounds, algorithm);
const { identityProviders } = JSON.parse(readFileSync(config, "utf8"));
const opaque = await opaqueTokens();
const broker = new Broker({
  dataDir,
  zmqIn: ["tcp://127.0.0.1:0"],
  zmqOut: ["tcp://127.0.0.1:0"],
  ws: ["127.0.0.1:0"],
  identityProviders,
});
await broker.start();
const { ws } = broker.endpoints;
await new Promise((resolve) => setTimeout(resolve, 3_000)); // what is loaded behind the start is loaded

/** Nobody logs in, and a process runs beside the broker as long. */
const idle = () => ["-e", `setTimeout(() => undefined, ${seconds * 1_000})`];

function loggingIn(prefix, tokens, from) {
  const file = join(folder, "tokens");
  writeFileSync(file, tokens.join("\n"));
  const client = new URL("login-client.mjs", import.meta.url).pathname;
  return [client, ws[0], file, String(perSecond), prefix, String(from)];
}

async function measured(args) {
  const client = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const closed = once(client, "close");
  const { end } = watchTurns(1); // starting a process took 5 ms
  const [code] = await closed;
  const figures = await end();
  if (code !== 0) throw new Error(`the client ended with ${code}`);
  return figures;
}

const told = { none: [], opaque: [], jwt: [] };
for (let round = 0; round < rounds; round += 1) {
  const from = round * logins; // nobody logs in twice by JWT: a first login writes down the name, too
  told.none.push(await measured(idle()));
  told.opaque.push(await measured(loggingIn("own", opaque, 0)));
  told.jwt.push(await measured(loggingIn("net", jwts.slice(from, from + logins), from)));
}
await broker.stop();
process.stdout.write(JSON.stringify(told));
process.exit(0);
