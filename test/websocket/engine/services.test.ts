import { describe, expect, it } from "vitest";
import { servicesOf, tableName } from "../../../src/websocket/engine/services.js";
import { TablesMemory } from "../../../src/storage/index.js";
import type { Services } from "../../../src/dialect/index.js";

describe("what a dialect names", () => {
  const tables = new TablesMemory();
  const of = (dialect: string): Services => servicesOf(dialect, { tables } as unknown as Omit<Services, "once">);

  it("is a table of its own, whatever other dialects and the broker call theirs", async () => {
    await tables.table<string>("proved-names").put("x", "the broker's");
    await of("chat").tables.table<string>("seen").put("x", "chat's");
    await of("chat").tables.table<string>("v2-seen").put("x", "chat's, of v2");
    await of("chat-v2").tables.table<string>("seen").put("x", "chat-v2's");
    await of("rude").tables.table<string>("proved-names").put("x", "rude's");
    expect(tables.table("proved-names").get("x")).toBe("the broker's");
    expect(of("chat").tables.table("seen").get("x")).toBe("chat's");
    expect(of("chat").tables.table("v2-seen").get("x")).toBe("chat's, of v2");
    expect(of("other").tables.table("seen").get("x")).toBeUndefined();
  });

  it("keeps its name on disk: a broker that was there before finds its agreements", () => {
    expect(tableName("agentchat", "proposals")).toBe("agentchat-proposals");
    expect(tableName("agentchat", "seen")).toBe("agentchat-seen");
  });

  it.each(["", "-x", "x-", "a--b", "A", "a/b", "$x"])("is no table called %j", (name) => {
    expect(() => of("chat").tables.table(name)).toThrow(`a table is called by words of a-z 0-9`);
  });

  it("is made once for each dialect", () => {
    const [one, other] = [of("one"), of("other")];
    expect(one.once("seen", () => 1)).toBe(1);
    expect(other.once("seen", () => 2)).toBe(2);
    expect(one.once("seen", () => 3)).toBe(1);
  });

  it("cannot close the tables of all", async () => {
    await of("chat").tables.close();
    expect(of("chat").tables.table("seen").get("x")).toBe("chat's");
  });
});
