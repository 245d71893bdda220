import type { Tally } from "./load.js";

const widthChars = 24;
const everyMs = 200;

/**
 * A bar on the terminal while a load runs.
 * @returns what ends it and cleans its line; nothing happens where stderr is no terminal
 */
export function showProgress(seconds: number, tally: Tally): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  const startAt = performance.now();
  const timer = setInterval(() => {
    const share = Math.min(1, (performance.now() - startAt) / (seconds * 1_000));
    const done = Math.round(share * widthChars);
    process.stderr.write(
      `\r[${"#".repeat(done)}${" ".repeat(widthChars - done)}] ${tally.sent} sent, ${tally.heard} received\u001b[K`,
    );
  }, everyMs);
  return () => {
    clearInterval(timer);
    process.stderr.write("\r\u001b[K");
  };
}
