import { closeSocket, connectProblem, openSocket } from "../../../clients/typescript/shared/socket.js";
import { asFault, Fault, type FaultCode } from "../../core/index.js";
import { timed, type Finding } from "../doctor/check.js";
import { NetworkConnection } from "./connection.js";
import type { Door, Identity } from "./place.js";
import type { SealedPair } from "./sealed-pair.js";

/** One thing that has to work before the next can. */
interface Step {
  readonly check: string;
  /** What to do where the fault's own words do not say it. */
  readonly remedy: string;
  readonly remedies?: Partial<Record<FaultCode, string>>;
  /** @returns what was found, beside the time that it took */
  readonly run: () => Promise<string>;
}

/** How long a step may take, milliseconds. */
const stepMs = 10_000;

/**
 * Looks from the outside in whether two agents can speak sealed at a broker: a WebSocket, the login of each, the
 * handshake of the two, and a question with its answer and receipts. What stands behind a failed step is skipped.
 */
export async function diagnose(
  { url, name: door }: Pick<Door, "url" | "name">,
  one: Identity,
  other: Identity,
  withinMs: number = stepMs,
): Promise<readonly Finding[]> {
  let pair: SealedPair | undefined;
  const opened = async (): Promise<SealedPair> => {
    const { SealedPair: Pair } = await import("./sealed-pair.js"); // what seals is loaded for this command alone
    return (pair ??= await Pair.open(url, one, other, withinMs));
  };
  const steps: readonly Step[] = [
    {
      check: "connect",
      remedy: "see that the broker runs (broker status on its machine) and that nothing between refuses WebSockets",
      run: async () => {
        await knock(url, withinMs);
        return door;
      },
    },
    {
      check: "token",
      remedy: "see the broker's log: it says what it refused",
      remedies: {
        unauthenticated:
          "broker token NAME --jwt on the broker's machine makes one; it is good at that broker alone, and until it ends",
        forbidden: "write --token NAME=TOKEN with the name that the token is for",
        full: "10 agents of one user may be connected: end one of them first",
        "rate-limited": "wait a minute: too many logins from this address have failed",
      },
      run: async () => {
        for (const { name, token } of [one, other]) await logIn(url, name, token);
        return `${one.name} and ${other.name} are let in`;
      },
    },
    {
      check: "handshake",
      remedy:
        "see the broker's log, that both may speak with each other (broker contacts list), and that no proxy eats frames",
      run: async () => {
        await (await opened()).handshake();
        return `${one.name} and ${other.name} have a key for each other, version 2`;
      },
    },
    {
      check: "sealed round trip",
      remedy: "see the broker's log: it says what it refused; the message of the client says what it missed",
      run: async () => {
        await (await opened()).roundTrip();
        return "asked, answered, and both have their receipts";
      },
    },
  ];
  try {
    const findings = await walk(steps);
    return findings.map((finding) => ({ ...finding, found: finding.found.replaceAll(url, door) }));
  } finally {
    await pair?.close();
  }
}

async function walk(steps: readonly Step[]): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let failed: string | undefined;
  for (const { check, remedy, remedies, run } of steps) {
    if (failed !== undefined) {
      findings.push({ check, result: "skipped", found: `not tried, since this failed: ${failed}` });
      continue;
    }
    try {
      let found = "";
      const took = await timed(async () => (found = await run()));
      findings.push({ check, result: "good", found: `${found}: ${took} ms` });
    } catch (thrown) {
      const { code, message } = asFault(thrown);
      findings.push({ check, result: "failed", found: message, remedy: remedies?.[code] ?? remedy });
      failed = check;
    }
  }
  return findings;
}

/** Opens a WebSocket and closes it again. @throws Fault unavailable, with the reason */
async function knock(url: string, withinMs: number): Promise<void> {
  const socket = openSocket(url, "agent-network.v1", { handshakeTimeout: withinMs });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.on("error", (error) => {
        reject(new Fault("unavailable", connectProblem(url, error), { cause: error }));
      });
    });
  } finally {
    await closeSocket(socket);
  }
}

async function logIn(url: string, name: string, token: string): Promise<void> {
  const connection = await NetworkConnection.connect(url, name, token, () => undefined);
  await connection.close();
}
