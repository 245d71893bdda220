import { describe, it } from "vitest";
import { conformance, type ConformanceSubject, type ViewerSubject } from "../../src/conformance/index.js";

/** Runs the conformance suite on a dialect. */
export function conformanceTests(subject: ConformanceSubject | ViewerSubject): void {
  describe(`the dialect ${subject.dialect.name}`, () => {
    for (const { section, name, run } of conformance(subject)) it(`${section}: ${name}`, run);
  });
}
