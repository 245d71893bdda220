import { expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { OriginWarnings } from "../../../src/websocket/edge/origin-warnings.js";

it("warnings of refused pages begin anew each minute, and hold no more of a header than a line has room for", () => {
  const clock = new FakeClock();
  const logged: unknown[] = [];
  const warnings = new OriginWarnings({ wsOriginWarningsMax: 2 }, clock, (_level, _event, fields) =>
    logged.push(fields?.["origin"]),
  );
  const refuse = (origin: string): void => {
    warnings.warn({ origin, host: "h", remote: "192.0.2.1", remedy: "--origin" });
  };
  for (const origin of ["a", "a", "b", "c", "a"]) refuse(origin);
  expect(logged).toEqual(["a", "b"]);
  clock.advance(59_999);
  refuse("a");
  expect(logged).toHaveLength(2);
  clock.advance(1);
  refuse("a");
  refuse("x".repeat(10_000));
  expect(logged.slice(2)).toEqual(["a", "x".repeat(200)]);
});
