/**
 * How long a test waits for what has to come, milliseconds: less than a test may take, more than a busy machine needs.
 * Only what never comes meets it.
 */
export const patienceMs = 30_000;
