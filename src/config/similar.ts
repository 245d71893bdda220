/** The known name that was probably meant: the same but for `_` and capitals, or one letter more, less or another. */
export function similar(name: string, known: readonly string[]): string | undefined {
  const said = bare(name);
  return known.find((one) => bare(one) === said) ?? known.find((one) => isOneOff(bare(one), said));
}

function bare(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** True if one letter more, less or another makes one of the other. */
function isOneOff(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  return long.slice(at + 1) === short.slice(short.length === long.length ? at + 1 : at);
}
