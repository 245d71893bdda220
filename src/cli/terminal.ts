import { closeSync, constants, openSync } from "node:fs";
import { isatty } from "node:tty";

/**
 * True if one of this program's streams is a terminal. Ask it at the start: a terminal that has closed is none.
 *
 * `nohup` asks that SIGHUP does nothing, but Node gives the signal its usual action back. What `nohup` starts has no
 * terminal among its streams: so a program without one outlives SIGHUP.
 */
export function hasTerminal(): boolean {
  return [0, 1, 2].some((stream) => isatty(stream));
}

/** True if the terminal that this program was started from is open. A program that has none has no such file. */
function isOpen(): boolean {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDONLY | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/**
 * Tells, at a SIGHUP, the close of a terminal from a `kill -HUP`.
 * @returns a function that is true once the terminal in which this program runs has closed
 */
export function terminalWatch(): () => boolean {
  const isWatched = hasTerminal() && isOpen();
  return () => isWatched && !isOpen();
}

/**
 * Makes the end of this program, whose terminal has closed, one by SIGHUP: at its usual end Node would abort, because
 * it cannot give the terminal its former state back.
 */
export function endByHangUp(): void {
  process.once("exit", () => {
    process.removeAllListeners("SIGHUP");
    process.kill(process.pid, "SIGHUP");
  });
}
