import { expect, it } from "vitest";
import { checkTap } from "../../src/cli/tap-filter.js";

it("lets a tap choose what a session that commands says and hears, in its one spelling", () => {
  const check = (topics: readonly string[], filter: Parameters<typeof checkTap>[1]) => (): void => {
    checkTap(topics, filter);
  };
  expect(check(["control-f00"], {})).not.toThrow();
  expect(check([], { from: "control-f00", to: "control-f00" })).not.toThrow();
  expect(check(["Control-f00"], {})).toThrow(/begins with control-/);
  expect(check([], { from: "Control-f00" })).toThrow(/begins with control-/);
});
