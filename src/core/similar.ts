/** A beginning that is shorter may be anything. */
const beginningMin = 3;
/** Of names that begin so, no more are told. */
const toldMax = 3;

/**
 * The known name that was probably meant: it differs only in `_` and capitals, or in one letter that is missing, added
 * or changed, or in two neighbours that are exchanged; else those that begin so.
 */
export function similar(name: string, known: readonly string[]): string | undefined {
  const said = bare(name);
  const one = known.find((each) => bare(each) === said) ?? known.find((each) => isOneOff(bare(each), said));
  if (one !== undefined || said.length < beginningMin) return one;
  const longer = known.filter((each) => bare(each).startsWith(said)).slice(0, toldMax);
  return longer.length === 0 ? undefined : longer.join(" or ");
}

function bare(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** True if the two differ in one letter that is missing, added or changed, or in two neighbours that are exchanged. */
function isOneOff(one: string, other: string): boolean {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  if (short.length < long.length) return long.slice(at + 1) === short.slice(at);
  if (long.slice(at + 1) === short.slice(at + 1)) return true;
  return long[at] === short[at + 1] && long[at + 1] === short[at] && long.slice(at + 2) === short.slice(at + 2);
}
