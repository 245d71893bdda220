import { statfsSync } from "node:fs";
import type { BrokerStatus } from "../../broker.js";
import { spanText } from "../columns.js";
import { asOperator, askBroker } from "../operator.js";
import { counted, mib } from "../status-text.js";
import { reasonOf, type Check, type Finding } from "./check.js";

/** With less room than this the mailboxes, whose file grows in steps, may be refused soon. */
const roomMinBytes = 256 * 1024 * 1024;
/** A message that waits longer than this is probably for somebody who does not come any more. */
const oldMs = 3 * 86_400_000;

/** What waits in mailboxes, how full they are, and whether they can be written. */
export const mailboxes: Check = async ({ data, endpoints }) => {
  const check = "mailboxes";
  if (endpoints === undefined) return [{ check, result: "skipped", found: "no broker runs" }];
  try {
    const { content } = await asOperator({ dataDir: data.path }, (operator) => askBroker(operator, "broker.status"));
    return mailFindings((content.data as BrokerStatus).mailboxes); // the answer of this package's own broker
  } catch (thrown) {
    return [{ check, result: "skipped", found: reasonOf(thrown) }];
  }
};

/** The findings about these figures. */
export function mailFindings(figures: BrokerStatus["mailboxes"]): readonly Finding[] {
  const { boxes, waiting, leased, oldestMs, nearlyFull, isFailing, diskBytes } = figures;
  const check = "mailboxes";
  const findings: Finding[] = [];
  if (isFailing)
    findings.push({
      check,
      result: "failed",
      found: "they cannot be written, and refuse what comes",
      remedy: "make room on the disk of the data directory; the broker's log says more. It goes on by itself then",
    });
  if (nearlyFull > 0)
    findings.push({
      check,
      result: "warning",
      found: `${nearlyFull} of ${boxes} are nearly full`,
      remedy: "broker mailbox list shows which; their owners should come, or: broker mailbox open NAME --max N",
    });
  if (oldestMs > oldMs)
    findings.push({
      check,
      result: "warning",
      found: `the oldest message waits for ${spanText(oldestMs)}`,
      remedy: "broker mailbox list shows where; close the mailbox of who does not come any more",
    });
  if (findings.length > 0) return findings;
  const found =
    boxes === 0
      ? "there are none"
      : `${boxes}, ${counted(waiting + leased, "message waits", "messages wait")}, ${mib(diskBytes)} on disk`;
  return [{ check, result: "good", found }];
}

/** The finding about so many bytes that are left on the disk of this folder. */
export function roomFinding(folder: string, left: number): Finding {
  const check = "disk";
  const found = `${mib(left)} left for ${folder}`;
  if (left >= roomMinBytes) return { check, result: "good", found };
  const remedy = "make room: without it mailboxes refuse messages, and nothing that has to be kept can be kept";
  return { check, result: "warning", found, remedy };
}

/** There is room on the disk of the data directory. */
export const diskRoom: Check = ({ data }) => {
  const check = "disk";
  try {
    const { bavail, bsize } = statfsSync(data.path);
    return [roomFinding(data.path, bavail * bsize)];
  } catch (thrown) {
    return [{ check, result: "skipped", found: reasonOf(thrown) }];
  }
};
