// Measures several in turn, so that what the machine does meanwhile happens to all of them.
import { medians } from "./report.mjs";

/** Each of `peers` measured by `measure` once a round, A B C A B C; the medians of each, in their order. */
export async function inTurn(label, peers, measure, rounds) {
  const figures = peers.map(() => []);
  for (let round = 0; round < rounds; round += 1) {
    process.stderr.write(`${label}, round ${round + 1} of ${rounds}\n`);
    for (const [at, peer] of peers.entries()) figures[at].push(await measure(peer));
  }
  return figures.map(medians);
}

/** Ours beside one of theirs, which may be undefined. */
export async function compare(label, ours, theirs, measure, rounds) {
  const [a, b] = await inTurn(label, theirs === undefined ? [ours] : [ours, theirs], measure, rounds);
  return { ours: a, theirs: b };
}
