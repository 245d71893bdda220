import { expect } from "vitest";
import { Fault } from "../../src/core/index.js";

/** The fault that something throws; the test fails if it throws none. */
export function faultOf(run: () => unknown): Fault {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof Fault) return thrown;
    throw thrown;
  }
  expect.fail("it throws nothing");
}
