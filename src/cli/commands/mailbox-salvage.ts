import { existsSync, lstatSync, realpathSync, renameSync } from "node:fs";
import type { Command } from "commander";
import { Fault } from "../../core/index.js";
import { salvageMail, type Salvaged } from "../../mailbox/index.js";
import { DataDirectory, resolveDataDirectory } from "../../storage/index.js";
import { namedTexts, outputWidth } from "../columns.js";
import type { BrokerChoice } from "../operator.js";
import { print, type Output } from "../output.js";

/** `broker mailbox salvage`: what can be read of damaged mailboxes takes their place. No broker may run meanwhile. */
export function salvageCommand(mailbox: Command): void {
  mailbox
    .command("salvage")
    .description(
      "repair mailboxes that a start calls damaged: what can be read takes their place; stop the broker first",
    )
    .addHelpText(
      "after",
      "\nThe damaged folder stays beside the new one, under another name. Cursors of before mean nothing.",
    )
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<BrokerChoice & Output>();
      const data = new DataDirectory(resolveDataDirectory({ dataDir: options.dataDir }));
      const mail = data.file("mail");
      mayRepair(data, mail);
      // Its place is taken meanwhile: no broker can start on it.
      await data.claim();
      try {
        const stamp = new Date().toISOString().replace(/[-:]|\..*/g, "");
        const [fresh, damaged] = [`${mail}-salvaged-${stamp}`, `${mail}-damaged-${stamp}`];
        const report = await salvageMail(mail, fresh);
        renameSync(mail, damaged);
        renameSync(fresh, mail);
        print(options, { ...report, damaged }, () =>
          namedTexts(
            [
              ["mailboxes", countText(report.boxes)],
              ["messages", countText(report.rows)],
              ["their texts", countText(report.bodies)],
              ["the damaged ones", `${damaged}: remove them when you miss nothing`],
              ["next", "broker start"],
            ],
            outputWidth(),
          ),
        );
      } finally {
        data.release();
      }
    });
}

function countText({ saved, lost }: Salvaged): string {
  return `${saved} saved, ${lost === 0 ? "none" : String(lost)} lost`;
}

/** @throws Fault not-found, forbidden, conflict */
function mayRepair(data: DataDirectory, mail: string): void {
  if (!existsSync(mail))
    throw new Fault("not-found", `there are no mailboxes in ${data.path}: name its folder with --data-dir`);
  data.inspect();
  const own = process.getuid?.();
  const { uid } = lstatSync(realpathSync(data.path));
  if (own !== undefined && own !== uid)
    throw new Fault("forbidden", `${data.path} belongs to another user: run this as that one (sudo -u '#${uid}' …)`);
  const holder = data.holder();
  if (holder !== undefined)
    throw new Fault("conflict", `a broker with pid ${holder.pid} uses ${data.path}: stop it first (broker stop)`);
}
