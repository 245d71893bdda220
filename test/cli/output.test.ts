import { describe, expect, it } from "vitest";
import { jsonLine, steerless } from "../../src/cli/output.js";

describe("what is printed", () => {
  const steering = [
    "\u001b",
    "\u0007",
    "\u007f",
    "\u009b",
    "\u061c",
    "\u200e",
    "\u200f",
    "\u2028",
    "\u2029",
    "\u202a",
    "\u202e",
    "\u2066",
    "\u2069",
  ];

  it.each(steering)("as JSON has no %j in it, and is the same JSON", (character) => {
    const value = { [`key${character}`]: `a${character}b` };
    const line = jsonLine(value);
    expect(line).not.toContain(character);
    expect(JSON.parse(line)).toEqual(value);
  });

  it.each(steering)("for people has no %j in it", (character) => {
    expect(steerless(`a${character}b\n\tc`)).toBe("a\ufffdb\n\tc");
  });

  it("keeps everything else as it is", () => {
    const text = "héllo 世界 👋 שלום\u200d";
    expect(jsonLine(text)).toBe(`"${text}"`);
    expect(steerless(text)).toBe(text);
  });
});
