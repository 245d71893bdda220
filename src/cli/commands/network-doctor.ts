import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { asFault, Fault } from "../../core/index.js";
import { report } from "../doctor/report.js";
import { diagnose } from "../network/diagnosis.js";
import { doorOf, type Identity } from "../network/place.js";
import { asOperator, askBroker, findBroker, type BrokerChoice } from "../operator.js";
import type { Output } from "../output.js";
import { lendToken } from "./token.js";

interface Options extends BrokerChoice, Output {
  readonly token?: readonly string[];
}

/** Instead of `--token`, which other users of the machine can see in the list of its processes. */
const tokensVariable = "AGENT_NETWORK_TOKENS";

/** The tokens are good for so long if the command does not end before; milliseconds. */
const lentMs = 10 * 60_000;

/** `broker network doctor [URL]`: checks step by step whether two agents can speak sealed at a broker. */
export function networkDoctorCommand(network: Command): void {
  network
    .command("doctor")
    .argument("[url]", "the broker, ws://HOST:PORT or wss://HOST (default: the one of the data directory)")
    .description("check connect, token, handshake and a sealed round trip of two agents; exit code 0 or 1")
    .option("--token <name=token...>", "the tokens of two agents (default: the data directory lends them)")
    .addHelpText(
      "after",
      `\nTokens can also be in ${tokensVariable}="ada=TOKEN bob=TOKEN". Their agents must not be at work: the check\n` +
        "takes their places. Without tokens two names are made up, and forgotten again behind the check.",
    )
    .action(async (typed: string | undefined, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const named = identitiesOf(options.token ?? process.env[tokensVariable]?.split(/\s+/).filter(Boolean) ?? []);
      const door = await doorOf({ ...options, ...(typed !== undefined && { url: typed }) });
      try {
        const findings = await withIdentities(named, options, (one, other) => diagnose(door, one, other));
        report(options, findings);
      } finally {
        await door.close();
      }
    });
}

/** The agents that were named. @throws Fault malformed */
function identitiesOf(words: readonly string[]): readonly [Identity, Identity] | undefined {
  if (words.length === 0) return undefined;
  const identities = words.map((word): Identity => {
    const [, name, token] = /^([^=\s]+)=([\x21-\x7e]+)$/.exec(word) ?? [];
    if (name === undefined || token === undefined)
      throw new Fault(
        "malformed",
        "--token: write NAME=TOKEN, the agent's name and the line of broker token NAME --jwt",
      );
    return { name, token };
  });
  const [one, other] = identities;
  if (one === undefined || other === undefined || identities.length > 2 || one.name === other.name)
    throw new Fault("malformed", "--token: two agents speak with each other: --token ada=TOKEN bob=TOKEN");
  return [one, other];
}

/** Does `work` as two agents: those that were named, or two that exist for no longer than it takes. */
async function withIdentities<T>(
  named: readonly [Identity, Identity] | undefined,
  choice: BrokerChoice,
  work: (one: Identity, other: Identity) => Promise<T>,
): Promise<T> {
  if (named !== undefined) return work(...named);
  mustLend(choice);
  const id = randomBytes(4).toString("hex");
  const first = await lent(`doctor-${id}-a`, choice);
  try {
    const second = await lent(`doctor-${id}-b`, choice);
    try {
      const contacts = { agent: first.identity.name, other: second.identity.name };
      await asOperator(choice, (operator) => askBroker(operator, "contacts.add", contacts));
      return await work(first.identity, second.identity);
    } finally {
      await second.end();
    }
  } finally {
    await first.end();
  }
}

/** @throws Fault as findBroker does */
function mustLend(choice: BrokerChoice): void {
  try {
    findBroker(choice);
  } catch (thrown) {
    const { code, message } = asFault(thrown);
    throw new Fault(code, `${message}; to check a broker elsewhere, name two agents: --token ada=TOKEN bob=TOKEN`);
  }
}

/** An agent whose name and token are gone when it ends. */
async function lent(
  name: string,
  choice: BrokerChoice,
): Promise<{ readonly identity: Identity; readonly end: () => Promise<void> }> {
  const lending = await lendToken(name, choice, lentMs);
  return {
    identity: { name, token: lending.token },
    async end() {
      await lending.end();
      try {
        await asOperator(choice, (operator) => askBroker(operator, "network.forget", { user: name }));
      } catch (thrown) {
        // Who never got in has left nothing to forget, and what was found is to be told.
        if (asFault(thrown).code !== "not-found") throw thrown;
      }
    },
  };
}
