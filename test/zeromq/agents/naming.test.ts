import { describe, expect, it } from "vitest";
import { principal, type Principal } from "../../../src/core/index.js";
import { namesOf } from "../../../src/zeromq/agents/names.js";

function names(
  topics: string[],
  more: { principal?: Principal; declared?: string; socketType?: string; proxied?: string[]; owned?: string[] } = {},
): { names: string[]; member: string | undefined; left?: string } {
  const {
    names: found,
    member,
    left,
  } = namesOf({
    principal: more.principal,
    declared: more.declared,
    socketType: more.socketType ?? "SUB",
    topics,
    proxied: new Set(more.proxied),
    namesMax: 3,
    isFree: (name) => more.owned?.includes(name) !== true,
  });
  return {
    names: [...found].map(([name, { how, via }]) => `${name} ${how}${via === undefined ? "" : ` via ${via}`}`),
    member,
    ...(left !== undefined && { left }),
  };
}

describe("the name of a connection", () => {
  it("is the PLAIN user before all", () => {
    expect(names(["other", "#room"], { principal: principal("ada", "proved"), declared: "eve" })).toEqual({
      names: ["ada proved"],
      member: "ada",
    });
  });

  it("is what X-Agent declares before what it subscribes to", () => {
    expect(names(["bob", "#room"], { declared: "ada" })).toEqual({ names: ["ada declared"], member: "ada" });
  });

  it("is the only agent name among its subscriptions", () => {
    expect(names(["#room", "$events", "ada", "all", "prices.", "data/"])).toEqual({
      names: ["ada inferred"],
      member: "ada",
    });
  });

  it("is no more names than a connection may have, however many it subscribes to", () => {
    expect(names(["a", "b", "c", "d", "e"])).toEqual({
      names: ["a inferred", "b inferred", "c inferred"],
      member: undefined,
      left: "d",
    });
  });

  it("is each of several inferred names, none of which is a member of rooms", () => {
    expect(names(["ada", "bob"])).toEqual({ names: ["ada inferred", "bob inferred"], member: undefined });
  });

  it("is nothing where only rooms and taps are subscribed to", () => {
    expect(names(["", "#room", "all"])).toEqual({ names: [], member: undefined });
  });

  it("is never inferred from a name that has an owner, and a declared one goes with its owner", () => {
    expect(names(["ada", "boss"], { owned: ["boss"] })).toEqual({ names: ["ada inferred"], member: "ada" });
    expect(names(["bob"], { declared: "boss", owned: ["boss"] })).toEqual({ names: [], member: undefined });
  });

  it("is all that a proxy carries, and a proxy is no member of rooms", () => {
    expect(names(["ada"], { socketType: "XSUB" })).toEqual({ names: ["ada inferred via proxy"], member: undefined });
    expect(names(["ada", "bob"], { socketType: "XSUB", declared: "relay" })).toEqual({
      names: ["relay declared", "ada inferred via proxy", "bob inferred via proxy"],
      member: undefined,
    });
    expect(
      names(["ada", "bob"], { socketType: "XSUB", principal: principal("relay", "proved"), proxied: ["ada"] }),
    ).toEqual({ names: ["relay proved", "ada proved via proxy"], member: undefined });
  });
});
