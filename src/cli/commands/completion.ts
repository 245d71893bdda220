import { Argument, type Command } from "commander";
import { bashCompletion } from "../completion/bash.js";
import { fishCompletion } from "../completion/fish.js";
import { commandWords, type CommandWords } from "../completion/tree.js";
import { zshCompletion } from "../completion/zsh.js";

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const satisfies Readonly<
  Record<string, (program: CommandWords) => string>
>;

const after = `
bash: echo 'source <(broker completion bash)' >> ~/.bashrc
zsh:  echo 'source <(broker completion zsh)' >> ~/.zshrc   (after compinit)
fish: broker completion fish > ~/.config/fish/completions/broker.fish`;

/**
 * `broker completion bash|zsh|fish`: a script made from the commands that there are, so that it cannot tell of others.
 */
export function completionCommand(program: Command): void {
  program
    .command("completion")
    .description("print a script that completes commands and options at Tab")
    .addArgument(new Argument("<shell>", "which shell reads it").choices(Object.keys(shells)))
    .addHelpText("after", after)
    .action((shell: keyof typeof shells) => {
      process.stdout.write(shells[shell](commandWords(program)));
    });
}
