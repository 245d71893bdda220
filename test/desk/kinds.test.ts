import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Fault, type Content } from "../../src/core/index.js";
import { flag, pastCount, readFields, room } from "../../src/desk/fields.js";
import { kind } from "../../src/desk/kind.js";
import { deskKinds, kindOf, type DeskTable } from "../../src/desk/kinds.js";

describe("the table of kinds", () => {
  it("does not compile without a row for every kind, nor with one for none", () => {
    const { ping, ...withoutPing } = deskKinds;
    // @ts-expect-error: `ping` is missing
    const partly: DeskTable = withoutPing;
    // @ts-expect-error: nobody asks for `dance`
    const more: DeskTable = { ...deskKinds, dance: ping };
    expect([partly, more].map((table) => Object.keys(table).length - Object.keys(deskKinds).length)).toEqual([-1, 1]);
  });

  it("does not compile where a row reads a field its request lacks, or its answer does not fit its schema", () => {
    const row = {
      request: z.strictObject({ room }),
      answer: z.object({ room, members: z.array(z.string()) }),
      right: undefined,
      length: () => 0,
    };
    const data = { room: "#lab", members: [] };
    const rows = [
      kind({ ...row, run: (_ask, asked) => ({ message: asked.room, data }) }),
      // @ts-expect-error: the request has no `agent`
      kind({ ...row, run: (_ask, asked) => ({ message: asked.agent === undefined ? "" : "?", data }) }),
      // @ts-expect-error: the answer lacks `members`
      kind({ ...row, run: (_ask, asked) => ({ message: "", data: { room: asked.room } }) }),
      // @ts-expect-error: the answer lacks its data
      kind({ ...row, run: () => ({ message: "" }) }),
      // @ts-expect-error: there is no right `dance`
      kind({ ...row, right: "dance", run: () => ({ message: "", data }) }),
      // @ts-expect-error: what the answer costs is not said
      kind({ ...row, length: undefined, run: () => ({ message: "", data }) }),
    ];
    expect(rows).toHaveLength(6);
  });

  it("knows its own kinds, and no name of JavaScript", () => {
    const words = ["ping", "broker.status", "", "constructor", "__proto__", "toString"];
    expect(words.filter((word) => kindOf(deskKinds, word) !== undefined)).toEqual(["ping", "broker.status"]);
  });
});

describe("the fields of a request", () => {
  const schema = z.strictObject({ room, count: pastCount.exactOptional(), secret: flag.exactOptional() });
  const read = (content: Readonly<Record<string, unknown>>): unknown => {
    const fields = readFields(schema, { message: "", ...content } satisfies Content);
    return fields instanceof Fault ? `${fields.code}: ${fields.message}` : fields;
  };

  it.each([
    ["in data", { data: { room: "#lab", count: 3, secret: true } }, { room: "#lab", count: 3, secret: true }],
    ["in content itself", { room: "#lab", count: 3 }, { room: "#lab", count: 3 }],
    ["in both: data counts", { room: "#den", data: { room: "#lab" } }, { room: "#lab" }],
    ["of both", { room: "#lab", data: { count: 0 } }, { room: "#lab", count: 0 }],
    ["beside data that is no object", { room: "#lab", data: "#den" }, { room: "#lab" }],
    ["beside what nobody asked for", { data: { room: "#lab", colour: "red" } }, { room: "#lab" }],
    ["that are null: absent", { data: { room: "#lab", count: null, secret: null } }, { room: "#lab" }],
    ["whose form the directory judges", { data: { room: "lab", count: 1e300 } }, { room: "lab", count: 1e300 }],
  ])("are read %s", (_about, content, fields) => {
    expect(read(content)).toEqual(fields);
  });

  it.each([
    ["no text", {}, "room is missing; it is a text"],
    ["an empty text", { room: "" }, "room is missing; it is a text"],
    ["null for a text", { room: null }, "room is missing; it is a text"],
    ["a number for a text", { room: 7 }, "room is missing; it is a text"],
    ["a text for a number", { room: "#lab", count: "all" }, "count is a whole number from 0"],
    ["half a message", { room: "#lab", count: 0.5 }, "count is a whole number from 0"],
    ["less than nothing", { room: "#lab", count: -1 }, "count is a whole number from 0"],
    ["a word for yes", { room: "#lab", secret: "yes" }, "secret is true or false"],
    ["two faults: the first field is named", { count: -1 }, "room is missing; it is a text"],
  ])("are refused by name: %s", (_about, data, problem) => {
    expect(read({ data })).toBe(`malformed: data.${problem}`);
  });
});
