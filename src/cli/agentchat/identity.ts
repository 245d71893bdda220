import { Option, type Command } from "commander";
import type { Identity } from "../../../clients/typescript/agentchat/identity-file.js";
import { print, say, table, type Output } from "../output.js";
import { wrongUsage } from "./exit.js";
import { keepOutOfVersionControl, readOwnIdentity } from "./own-identity.js";
import { defaultIdentity } from "./options.js";

const actions = ["generate", "show", "export", "rotate"] as const;

interface Options extends Output, Partial<Readonly<Record<(typeof actions)[number], boolean>>> {
  readonly name: string;
  readonly file: string;
  readonly identity?: string;
}

/** The part of an identity file that may be shown: everything except the private key. */
interface Public {
  readonly name: string;
  readonly agent_id: string;
  readonly pubkey: string;
  readonly created: string;
  readonly file: string;
}

/**
 * `agentchat identity`: makes and shows the key by which a server recognises an agent again (AgentChat §3.8). The
 * private key is never printed.
 */
export function identityCommand(program: Command): void {
  program
    .command("identity")
    .allowExcessArguments(true) // the action reports them with a better message
    .description("make, show, share or replace your identity")
    .option("--generate", "make a key pair; an identity that is there is never overwritten")
    .option("--show", "show who you are")
    .option("--export", "print the public key, for others")
    .option("--rotate", "replace the key by a new one, which the old one signs; your id changes")
    .option("-n, --name <name>", "your name, for --generate", "agent")
    .option("-i, --file <file>", "where it is kept", defaultIdentity)
    .addOption(new Option("--identity <file>", "the same, as other commands call it").hideHelp())
    .option("--json", "print it as JSON")
    .action(async (options: Options, command: Command) => {
      const [word] = command.args;
      if (word !== undefined)
        throw wrongUsage(
          actions.some((known) => known === word)
            ? `did you mean --${word}?`
            : `"${word}" is not expected here; say what to do, one of: --generate, --show, --export, --rotate`,
        );
      const chosen = actions.filter((action) => options[action] === true);
      const [action] = chosen;
      if (action === undefined || chosen.length > 1)
        throw wrongUsage("say what to do, one of: --generate, --show, --export, --rotate");
      await act(action, { ...options, file: options.identity ?? options.file });
    });
}

async function act(action: (typeof actions)[number], { file, name, json }: Options): Promise<void> {
  const output: Output = json === undefined ? {} : { json };
  const identities = await import("../../../clients/typescript/agentchat/identity-file.js");
  const { agentIdOf, chainOfCustody, generateIdentity, rotateIdentity, writeIdentity } = identities;
  const shown = (identity: Identity): Public => ({
    name: identity.name,
    agent_id: agentIdOf(identity),
    pubkey: identity.pubkey,
    created: identity.created,
    file,
  });
  switch (action) {
    case "generate": {
      const made = generateIdentity(name);
      await keepOutOfVersionControl(file);
      await writeIdentity(file, made, { overwrite: false });
      say(`made ${file}; it holds your private key: keep it to yourself`);
      show(output, shown(made));
      return;
    }
    case "show":
      show(output, shown(await readOwnIdentity(file)));
      return;
    case "export": {
      const identity = await readOwnIdentity(file);
      const { name: called, agent_id, pubkey } = shown(identity);
      // With the earlier keys, so that others can see which agent this was before.
      print(
        output,
        { name: called, agent_id, pubkey, rotations: chainOfCustody({ pubkey, rotations: identity["rotations"] }) },
        () => pubkey,
      );
      return;
    }
    case "rotate": {
      const before = shown(await readOwnIdentity(file));
      const after = shown(await rotateIdentity(file));
      say(
        `you were ${before.agent_id} and are ${after.agent_id} now; the old key has signed for the new one, in ${file}`,
      );
      show(output, after);
      return;
    }
  }
}

function show(output: Output, shown: Public): void {
  print(output, shown, () => table(Object.entries(shown)));
}
