import { describe, expect, it } from "vitest";
import { MailStoreMemory } from "../../src/mailbox/index.js";
import { mailStoreSuite } from "../kit/mail-store-suite.js";

mailStoreSuite("memory", () => new MailStoreMemory());

describe("a store of mail in memory", () => {
  it("has an epoch of its own each time", () => {
    expect(new MailStoreMemory().epoch).not.toBe(new MailStoreMemory().epoch);
  });
});
