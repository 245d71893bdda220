import { describe, it } from "vitest";
import { killTheBroker } from "../../chaos/kit/mail-kills.js";
import { courseOf } from "../../chaos/kit/scenario.js";

/** Protocols §9; `npm run chaos` does the same a hundred times. */
describe("a broker that is killed under full mailboxes", () => {
  it("loses nothing that it has told to be stored, and keeps the order of each sender", async () => {
    const { course, end } = courseOf(7);
    try {
      await killTheBroker(course, 4);
    } finally {
      await end();
    }
  });
});
