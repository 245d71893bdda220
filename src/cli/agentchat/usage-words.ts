import type { Command } from "commander";

const channelLike: readonly string[] = ["target", "channel", "channels"];

/** Adds to commander's words about a wrong command line what a newcomer may not see. */
export function explainUsage(program: Command): void {
  program.configureOutput({
    outputError: (text, write) => {
      write(usageWords(text));
    },
  });
}

/** @param text what commander says: `error: missing required argument 'target'` */
export function usageWords(text: string): string {
  const missing = /missing required argument '(\w+)'/.exec(text)?.[1];
  if (missing === undefined || !channelLike.includes(missing)) return text;
  return `${text.trimEnd()}; did the shell take an unquoted #channel for a comment? write '#general'\n`;
}
