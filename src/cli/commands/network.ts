import type { Command } from "commander";
import { asOperator, askBroker, type BrokerChoice } from "../operator.js";
import { print, type Output } from "../output.js";
import { networkDoctorCommand } from "./network-doctor.js";
import { networkListenCommand } from "./network-listen.js";
import { networkSendCommand } from "./network-send.js";

/** `broker network …`: Agent Network. */
export function networkCommand(program: Command): void {
  const network = program
    .command("network")
    .description("Agent Network: listen and speak as one of its agents, in plain words; what is kept of its users")
    .addHelpText(
      "after",
      "\nlisten and send have no keys: what is encrypted end to end they neither say nor read.\n" +
        "They prove the name that they use: for 30 days it is no name for others who have no token, such as\n" +
        "plain ZeroMQ scripts (broker network forget NAME ends that).",
    );
  networkListenCommand(network);
  networkSendCommand(network);
  networkDoctorCommand(network);
  network
    .command("forget")
    .argument("<user>", "an agent's name, or issuer#sub for all names of a user of another issuer")
    .description("close the user's sessions, and erase what the broker keeps of it")
    .addHelpText(
      "after",
      "\nErases names by first use, the memory of a proved name, and contacts. Tokens of this broker stay\n" +
        "(broker token revoke), so do mailboxes (broker mailbox close), rooms, and lines of the audit log.",
    )
    .action(async (user: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const { content } = await asOperator(options, (operator) => askBroker(operator, "network.forget", { user }));
      print(options, content.data, () => content.message);
    });
}
