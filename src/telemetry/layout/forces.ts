/** Forces of the layout, in units of length a tick. */
export const forces = Object.freeze({
  /** Points further apart than this do not push each other. */
  reach: 60,
  /** Push of two points: push · (reach / distance − 1), at most `pushMax`. */
  push: 4,
  pushMax: 20,
  /** Length of a spring at rest. */
  rest: 40,
  /**
   * Pull of a spring: pull · weight · (length − rest) / fewer, at most `pullMax`; `fewer`: springs of that end which has
   * fewer. The end with more springs takes the smaller share of the way.
   */
  pull: 0.4,
  pullMax: 60,
  /** Pull to the middle: middle · √(distance / points), from a distance of reach · √points on no more. */
  middle: 1,
  /** Pull to the plane z = 0: so much of z. */
  plane: 0.3,
  /** So much of its speed a point has left a tick later. */
  drag: 0.6,
  /** The longest way in one tick. */
  stepMax: 40,
  /** So much of its heat a point has left a tick later; below `rests` it rests. */
  cooling: 0.975,
  rests: 0.02,
});

/** What pushes a point by more than this warms it up to a part of its own heat, and so does what pulls it. */
export const warming = Object.freeze({ push: 0.5, part: 0.5 });

/** So that points on one spot go different ways. */
export const goldenAngle = Math.PI * (3 - Math.sqrt(5));
