import type { Command } from "commander";
import { DataDirectory, resolveDataDirectory } from "../../storage/index.js";
import { backUpData } from "../backup.js";
import type { BrokerChoice } from "../operator.js";
import { print, type Output } from "../output.js";
import { mib } from "../status-text.js";

const after = `
To restore it: stop the broker, move its data directory away, put the copy in its place (cp -a), start it again.
The copy holds secrets and messages in clear text: keep it as you keep the data directory.`;

/** `broker backup FOLDER`: copies the whole data directory, also while the broker runs. */
export function backupCommand(program: Command): void {
  program
    .command("backup")
    .argument("<folder>", "where the copy goes; not there yet, or empty")
    .description("copy the whole data directory, also while the broker runs: tokens, names, rooms, mailboxes")
    .addHelpText("after", after)
    .action(async (folder: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const data = new DataDirectory(resolveDataDirectory({ dataDir: options.dataDir }));
      const made = await backUpData(data, folder);
      print(options, made, () => `${data.path} copied to ${made.folder}: ${made.files} files, ${mib(made.bytes)}`);
    });
}
