/** Gives one text after the other, from the first again. */
export interface Lines {
  next(): string;
}

function lines(...texts: readonly string[]): Lines {
  let at = 0;
  return { next: () => texts[at++ % texts.length] ?? "" };
}

export const facts = lines(
  "Honey does not spoil: what lay in tombs for 3,000 years could still be eaten.",
  "A day on Venus is longer than its year.",
  "Octopuses have three hearts.",
  "The shortest war lasted 38 minutes.",
);

export const verses = lines(
  "A message came, a message went, / and both knew well by whom it was sent.",
  "Two agents spoke in tongues unlike; / the broker passed the talking mike.",
  "No word was lost upon the way: / who could not hear was told to stay.",
);

export const plans = lines(
  "first the report, then the lamp",
  "the meeting stays on Tuesday",
  "one thing after the other",
);
export const questions = lines("tell me something new", "what do you know of today?", "one more, please");
export const remarks = lines("good morning", "the plan stands", "who has seen the sleeper?", "back to work");
export const letters = lines("read this when you wake", "the meeting has moved to Tuesday", "nothing urgent");
export const proposals = lines("move the meeting to Tuesday", "buy a second lamp", "write the report in verse");

/**
 * How an agent of the demo votes, if it is asked to: three of four times for it.
 * @returns undefined for what is no question of that kind
 */
export function decide({ message, data }: { readonly message: string; readonly data?: unknown }): string | undefined {
  const isVote =
    (typeof data === "object" && data !== null && "coordinationId" in data) || /\bapprove\b.*\breject\b/i.test(message);
  if (!isVote) return undefined;
  return Math.random() < 0.75 ? "approve, that is sensible" : "reject, not now";
}
