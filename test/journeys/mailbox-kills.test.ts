import { describe, it } from "vitest";
import { killTheBroker } from "../../chaos/kit/mail-kills.js";
import { killTheOwners } from "../../chaos/kit/owner-kills.js";
import { courseOf, type Course } from "../../chaos/kit/scenario.js";

/** By protocols §9; `npm run chaos` does the same more often. */
describe("mailboxes under kills", () => {
  it("lose nothing that was told to be stored when the broker is killed, and keep the order of each sender", async () => {
    await inCourse((course) => killTheBroker(course, 4));
  });

  it("lose what a killed client's library had read, and nothing in take mode, when their owners are killed", async () => {
    await inCourse((course) => killTheOwners(course, 3));
  });
});

async function inCourse(run: (course: Course) => Promise<unknown>): Promise<void> {
  const { course, end } = courseOf(7);
  try {
    await run(course);
  } finally {
    await end();
  }
}
