/** Colours a word, or leaves it as it is where there is no terminal. */
export type Paint = (style: Style, text: string) => string;

type Style = keyof typeof styles;

/** SGR parameters, on and off (ECMA-48 §8.3.117); Node's own styleText asks a stream, in some versions. */
const styles = { cyan: [36, 39], green: [32, 39], yellow: [33, 39], red: [31, 39], dim: [2, 22] } as const;

/** Colours for a stream that is a terminal and wants them (NO_COLOR, TERM=dumb). */
export function painter(terminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const colours = terminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
  return colours
    ? (style, text) => `\u001b[${styles[style][0]}m${text}\u001b[${styles[style][1]}m`
    : (_style, text) => text;
}
