import { Option, type Command } from "commander";
import { Fault } from "../../core/index.js";
import { DataDirectory, resolveDataDirectory } from "../../storage/index.js";
import { lendToken, type LentToken } from "../commands/token.js";
import { openRelay } from "../door-relay.js";
import { connectOperator, type BrokerChoice } from "../operator.js";
import { readText } from "../text-source.js";
import { NetworkConnection } from "./connection.js";
import type { NetworkFrame } from "./content.js";

const path = "/agent-network/v1/connect";

/** A lent token is good for so long if the command does not end before; milliseconds. */
const lentMs = 24 * 60 * 60 * 1_000;

/** Where an agent connects, and by which token. */
export interface Place extends BrokerChoice {
  /** `-`: standard input has it. Undefined: the data directory lends one. */
  readonly token?: string;
  /** `ws://HOST:PORT`; undefined: the door of the broker that runs on the data directory. */
  readonly url?: string;
  readonly displace?: true;
}

/** An agent and the token that proves it. */
export interface Identity {
  readonly name: string;
  readonly token: string;
}

/** Adds where an agent connects, and by which token. */
export function withPlace(command: Command): Command {
  return command
    .option("--token <token>", "the agent's token; - reads it from standard input (default: the data directory's)")
    .option("--url <url>", "the broker, ws://HOST:PORT or wss://HOST (default: the one of the data directory)")
    .addOption(new Option("--displace", "without --token: also where the agent is connected, whose session ends then"));
}

/**
 * Connects as an agent, does `work` and disconnects.
 * @throws Fault what {@link NetworkConnection.connect} throws; unavailable, forbidden, conflict, with the remedy
 */
export async function asAgent<T>(
  agent: string,
  place: Place,
  onFrame: (frame: NetworkFrame) => void,
  work: (connection: NetworkConnection) => Promise<T>,
): Promise<T> {
  const door = await doorOf(place);
  try {
    const lent = await tokenOf(agent, place);
    try {
      const connection = await NetworkConnection.connect(door.url, agent, lent.token, onFrame);
      try {
        return await work(connection);
      } finally {
        await connection.close();
      }
    } finally {
      await lent.end();
    }
  } finally {
    await door.close();
  }
}

/** Where Agent Network answers. */
export interface Door {
  /** What a client connects to. */
  readonly url: string;
  /** The door as people know it: `url` may lead to it through a relay. */
  readonly name: string;
  readonly close: () => Promise<void>;
}

/**
 * The address of Agent Network at the broker that was named, or at the one of the data directory.
 * @throws Fault malformed, unavailable
 */
export async function doorOf(place: Pick<Place, "url" | "dataDir">): Promise<Door> {
  if (place.url !== undefined) {
    const url = withPath(place.url);
    return { url, name: url, close: () => Promise.resolve() };
  }
  const data = new DataDirectory(resolveDataDirectory(place));
  const endpoints = data.readEndpoints();
  const [door] = endpoints?.ws ?? [];
  if (endpoints === undefined)
    throw new Fault(
      "unavailable",
      `no broker runs on ${data.path}; start one with: broker start (or name its folder with --data-dir, or --url)`,
    );
  if (door === undefined) throw new Fault("unavailable", `the broker of ${data.path} has no WebSocket door (--ws)`);
  const { url, close } = await openRelay(door);
  return { url: `${url}${path}`, name: `${door}${path}`, close };
}

/** @throws Fault malformed */
function withPath(typed: string): string {
  const url = URL.canParse(typed) ? new URL(typed) : undefined;
  if (url === undefined || !["ws:", "wss:"].includes(url.protocol))
    throw new Fault("malformed", `${typed} is no address of a WebSocket: ws://HOST:PORT, wss://HOST`);
  if (url.search !== "" || url.username !== "" || url.password !== "")
    throw new Fault("malformed", "the address takes no token and no query: say --token");
  if (url.pathname === "/") url.pathname = path;
  return url.href;
}

/** @throws Fault malformed, forbidden, conflict */
async function tokenOf(agent: string, place: Place): Promise<LentToken> {
  const { token: typed, url, displace } = place;
  if (typed !== undefined) {
    const token = typed === "-" ? await readText(undefined) : typed;
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new Fault("malformed", "--token: a token has no spaces and no line breaks");
    return { token, end: () => Promise.resolve() };
  }
  if (url !== undefined)
    throw new Fault(
      "malformed",
      "with --url, say --token (broker token NAME --jwt makes one, on the broker's machine)",
    );
  if (displace !== true) await mustBeFree(agent, place);
  return lendToken(agent, place, lentMs);
}

/** A token of the same name displaces whoever is here under it: not by mistake. @throws Fault conflict */
async function mustBeFree(agent: string, place: Place): Promise<void> {
  const operator = await connectOperator(place);
  try {
    const here = (await operator.agents()).find(({ name }) => name === agent);
    if (here === undefined) return;
    throw new Fault(
      "conflict",
      `${agent} is here already (${here.dialect}), and would be displaced: use another name, or say --displace`,
    );
  } finally {
    await operator.close();
  }
}
