import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  agentIdOf,
  generateIdentity,
  readIdentity,
  writeIdentity,
} from "../../clients/typescript/agentchat/identity-file.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { ChatWire } from "../kit/chat-wire.js";
import { startProgram } from "../kit/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The protocol's own example (AgentChat §8.1); only the server and the other agent's id are what this test
 * has, and the last line before the end shows the lists.
 */
const client = (server: string, other: string): string => `
import { AgentChatClient } from 'agentchat';

const client = new AgentChatClient({
  server: '${server}',
  name: 'my-agent',
  identity: './identity.json'  // optional
});

await client.connect();
await client.join('#general');

client.on('message', (msg) => {
  console.log(\`\${msg.from} in \${msg.to}: \${msg.content}\`);
});

await client.send('#general', 'Hello agents!');
await client.dm('${other}', 'Private hello');

const channels = await client.listChannels();
const agents = await client.listAgents('#general');
console.log(JSON.stringify({ channels, agents: agents.length }));

await client.disconnect();
`;

/** The protocol's import of the daemon, verbatim. */
const daemon = `
import {
  AgentChatDaemon,      // Main daemon class
  getDaemonPaths,       // Get paths for instance
  isDaemonRunning,      // Check if running
  stopDaemon,           // Stop specific instance
  getDaemonStatus,      // Get status info
  listDaemons,          // List all instances
  stopAllDaemons        // Stop all running
} from 'agentchat/lib/daemon.js';

const paths1 = getDaemonPaths('agent1');  // ./.agentchat/daemons/agent1/
const paths2 = getDaemonPaths('agent2');  // ./.agentchat/daemons/agent2/
console.log(JSON.stringify([paths1.inbox !== paths2.inbox, isDaemonRunning('agent1'), listDaemons().length, typeof AgentChatDaemon, typeof stopDaemon, typeof getDaemonStatus, typeof stopAllDaemons]));
`;

let at: TestBroker;
let folder: string;
/** Of the identity that lies in the folder. */
let me: string;
beforeEach(async () => {
  at = await startBroker({ ownDoors: { agentchat: "127.0.0.1:0" } });
  folder = await mkdtemp(join(tmpdir(), "agentchat-seed-"));
  await mkdir(join(folder, "node_modules"));
  for (const name of ["agentchat", "synaptic-core"]) await symlink(root, join(folder, "node_modules", name));
  const identity = generateIdentity("my-agent");
  await writeIdentity(join(folder, "identity.json"), identity);
  me = agentIdOf(identity);
});
afterEach(async () => {
  await at.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a program in the folder: its paths are relative. */
async function run(source: string): Promise<string> {
  await writeFile(join(folder, "seed.mjs"), source);
  const { code, stdout, stderr } = await startProgram("/bin/sh", [
    "-c",
    'cd "$1" && exec "$2" seed.mjs',
    "sh",
    folder,
    process.execPath,
  ]).ended;
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

it("runs the protocol's client example as it is written", async () => {
  const server = at.broker.endpoints.own?.["agentchat"] ?? "";
  const other = await ChatWire.enter(server, "other-agent");
  other.say({ type: "JOIN", channel: "#general" });
  const said = await run(client(server, other.id));
  expect(await other.text("Hello agents!")).toMatchObject({
    to: "#general",
    from: me,
    from_name: "my-agent",
    verified: true,
  });
  expect(await other.text("Private hello")).toMatchObject({ to: other.id, from: me, verified: true });
  expect(said).toContain('"channels":[{"name":"#agents","agents":0},{"name":"#general","agents":2}],"agents":2');
  other.close();
});

it("has the protocol's import lines of the daemon", async () => {
  expect(await run(daemon)).toBe('[true,false,0,"function","function","function","function"]\n');
});

it("runs the README's example of the library as it is written, with the identity that is made as it says", async () => {
  const server = at.broker.endpoints.own?.["agentchat"] ?? "";
  const other = await ChatWire.enter(server, "other-agent");
  other.say({ type: "JOIN", channel: "#general" });
  const readme = await readFile(join(root, "bridges/agentchat/README.md"), "utf8");
  const [, command = "", snippet = ""] =
    /^## Library\n[^]*?```sh\nnpx agentchat (.*)\n```[^]*?```js\n([^]*?)```/m.exec(readme) ?? [];
  expect(snippet).toContain("ws://127.0.0.1:6667");
  const made = await startProgram("/bin/sh", [
    "-c",
    `cd "$1" && exec "$2" "$3" ${command}`,
    "sh",
    folder,
    process.execPath,
    join(root, "bin/agentchat.js"),
  ]).ended;
  expect(made.code, made.stderr).toBe(0);
  const said = await run(snippet.replace("ws://127.0.0.1:6667", server));
  expect(await other.text("Hello agents!")).toMatchObject({
    from: agentIdOf(await readIdentity(join(folder, ".agentchat/identity.json"))),
  });
  expect(said).toContain(`other-agent is ${other.id}`);
  other.close();
});
