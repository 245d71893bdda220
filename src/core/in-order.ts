/** Where a name belongs among names in order (by UTF-16 code units), of which those before `from` come before it. */
export function placeInOrder(names: readonly string[], name: string, from = 0): number {
  let low = from;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? "") < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
