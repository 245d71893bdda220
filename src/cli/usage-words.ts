/**
 * Adds to commander's words about a wrong command line what a newcomer may not see.
 * @param text what commander says: `error: missing required argument 'to'`
 */
export function usageWords(text: string): string {
  const words = text.replace(/^error: /, "broker: ");
  const hint = hintFor(text);
  return hint === undefined ? words : `${words.trimEnd()}; ${hint}\n`;
}

function hintFor(text: string): string | undefined {
  if (/missing required argument '(to|text)'/.test(text))
    return "did the shell take an unquoted #room for a comment? write '#general'";
  if (text.includes("too many arguments for 'send'"))
    return "put the text in quotes: broker send claude 'are you there?'";
  return undefined;
}
