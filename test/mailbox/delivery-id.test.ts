import { describe, expect, it } from "vitest";
import { deliveryId, isDelivery, Secrets, seqOf } from "../../src/mailbox/delivery-id.js";

describe("a delivery id (protocols §9)", () => {
  it("holds 128 random bits, which no other has", () => {
    const secrets = new Secrets();
    const drawn = Array.from({ length: 2_000 }, () => secrets.next());
    for (const secret of drawn) expect(secret).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(drawn).size).toBe(drawn.length);
    // Each of the 128 bits is set in about half of them.
    for (let bit = 0; bit < 128; bit += 1) {
      const digit = 31 - Math.floor(bit / 4);
      const set = drawn.filter((secret) => (parseInt(secret[digit] ?? "", 16) >> (bit % 4)) & 1).length;
      expect(set).toBeGreaterThan(800);
      expect(set).toBeLessThan(1_200);
    }
  });

  it("is found by where it lies, and right by its secret alone", () => {
    const row = { seq: 123_456, secret: "0123456789abcdef0123456789abcdef" };
    const id = deliveryId(row);
    expect([seqOf(id), isDelivery(id, row)]).toEqual([row.seq, true]);
    for (const wrong of [id.toUpperCase(), `${id} `, id.slice(0, -1), `${id.slice(0, -1)}0`, `0${id}`])
      expect(isDelivery(wrong, row)).toBe(false);
    for (const none of ["", "-", "0-".padEnd(34, "0"), "zzzzzzzzzz-".padEnd(43, "0"), "a b-".padEnd(36, "0"), "\u0000"])
      expect(seqOf(none)).toBeUndefined();
  });
});
