import { cpus, freemem, totalmem } from "node:os";

/** The machine that the broker runs on. */
export interface Machine {
  /** What its processors have done since it started, in any unit: busy, and busy or idle. */
  processors(): { readonly busy: number; readonly all: number };
  /** 0–1: what of its memory is in use and cannot be had at once. */
  memory(): number;
}

/** This machine, as the system tells it. */
export const thisMachine: Machine = {
  processors() {
    let busy = 0;
    let all = 0;
    for (const { times } of cpus()) {
      const { user, nice, sys, idle, irq } = times;
      busy += user + nice + sys + irq;
      all += user + nice + sys + irq + idle;
    }
    return { busy, all };
  },
  memory: () => 1 - freemem() / totalmem(),
};
