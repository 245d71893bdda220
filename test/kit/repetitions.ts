/**
 * How often a slow test repeats what it does: a few times in `npm test`, all times in `npm run chaos`
 * (chaos/many-kills.chaos.ts).
 */
export function repetitions(few: number, all: number): number {
  return process.env["ALL_REPETITIONS"] === "1" ? all : few;
}
