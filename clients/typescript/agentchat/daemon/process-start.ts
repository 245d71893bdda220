import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * When a process started, as a text that no other process of that id will ever have: boot and clock ticks from `/proc`,
 * elsewhere what `ps` says.
 * Undefined if there is no such process, or it has ended and waits for its parent, or nothing can be learned.
 */
export function processStart(pid: number): string | undefined {
  return process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
}

function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // proc(5): the second field is a name in brackets that may hold anything; state is the third, starttime the 22nd.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = rest[18];
    if (ticks === undefined || state === "Z" || state === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}:${ticks}`;
  } catch {
    return undefined; // no such process
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const said = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 2_000,
    }).trim();
    return said === "" || said.startsWith("Z") ? undefined : said.replace(/^\S+\s+/, "");
  } catch {
    return undefined; // no such process, or no ps
  }
}
