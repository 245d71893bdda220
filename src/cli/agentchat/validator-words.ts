/** What the library's validator and those of other servers say of a field, and what it means; `$1` is the bound or the type. */
const meanings: readonly (readonly [RegExp, string])[] = [
  [/Too small: expected string to have >=1 characters?/, "must not be empty"],
  [/Too (?:small|big): expected string to have >=(\d+) characters?/, "must have at least $1 characters"],
  [/Too (?:small|big): expected string to have <=(\d+) characters?/, "must have at most $1 characters"],
  [/Too small: expected (?:number|int) to be >=([\d.e+-]+)/, "must be at least $1"],
  [/Too small: expected (?:number|int) to be >([\d.e+-]+)/, "must be more than $1"],
  [/Too big: expected (?:number|int) to be <=([\d.e+-]+)/, "must be at most $1"],
  [/Too big: expected (?:number|int) to be <([\d.e+-]+)/, "must be less than $1"],
  [/Invalid input: expected \w+, received undefined/, "is missing"],
  [/Invalid input: expected (\w+), received \w+/, "must be a $1"],
];

/** A message with a validator's words in ours. Pure. */
export function inOurWords(message: string): string {
  return meanings.reduce((text, [pattern, meaning]) => text.replace(pattern, meaning), message);
}
