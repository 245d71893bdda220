/** The escape of half a character, or of what may be one: `\ud800` to `\udfff`. */
const half = /\\u[dD][89a-fA-F]/;

/**
 * Every escape of a JSON text, from left to right: whole pairs of surrogates, single ones, all others. Escapes have to
 * be read in order, because in `\\ud83d` a backslash is escaped and no surrogate.
 */
const escapes = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|[^])/g;

/**
 * A JSON text in which every half of a character (a lone surrogate, such as half an emoji) is U+FFFD. No text in UTF-8
 * can hold one, but an escape can, and whoever writes it out again or hands it to a model fails on it (protocols
 * §3.15).
 * @param text JSON that was read from UTF-8: only its escapes can hold surrogates that stand alone
 * @returns the same string where there is nothing to repair
 */
export function repairSurrogates(text: string): string {
  // A native search for one byte: most texts have no escapes, and cost no more than this.
  if (!text.includes("\\") || !half.test(text)) return text;
  return text.replace(escapes, (escape: string, single: string | undefined) =>
    single === undefined ? escape : "\ufffd",
  );
}
