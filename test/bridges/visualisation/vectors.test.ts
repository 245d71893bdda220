import { describe, expect, it } from "vitest";
import { codecOf } from "../../../bridges/visualisation/codec.js";
import { codes, errorPayload } from "../../../bridges/visualisation/errors.js";
import { events, type ViewerEvent } from "../../../bridges/visualisation/events.js";
import { commands, type Command } from "../../../bridges/visualisation/schema.js";
import { openState } from "../../../bridges/visualisation/state.js";
import { defaultLimits, faultCodes } from "../../../src/core/index.js";
import { refusesMalformed, vectorsOf, type MalformedVector } from "../../kit/dialect-vectors.js";

const vectors = vectorsOf("visualisation");

/** All that a codec asks of a session. */
function codec() {
  const state = { ...openState({ path: "/", headers: {} }), multiplexing: true, binary: true };
  const nothing = (): never => expect.fail("nothing is sent here");
  return codecOf({
    state,
    limits: defaultLimits as Parameters<typeof codecOf>[0]["limits"],
    backlog: 0,
    sendFrame: nothing,
    send: nothing,
    now: () => 0,
    newId: () => "id",
  });
}

describe("the vectors of visualisation", () => {
  it.each(vectors("commands") as { about: string; frame: string; command: Command }[])(
    "read: $about",
    ({ frame, command }) => {
      expect(codec().decode(frame)).toEqual([command]);
    },
  );

  it.each([...(vectors("answers") as Told[]), ...(vectors("events") as Told[])])("tell: $about", ({ event }) => {
    expect(events[event.type].strict().safeParse(event).error).toBeUndefined();
    expect(JSON.parse(codec().encode(event) as string)).toEqual(event);
  });

  refusesMalformed(
    vectors("malformed") as MalformedVector[],
    (frame) => codec().decode(frame),
    (fault, { wireCode }) => {
      const told = errorPayload(fault, { requestId: null, component: "connection" });
      expect(told).toMatchObject({ code: wireCode, recoverable: true, details: { stackTrace: null } });
    },
  );

  it("have every message that there is", () => {
    const said = new Set((vectors("commands") as { command: Command }[]).map(({ command }) => command.type));
    const heard = ["answers", "events"].flatMap((name) => (vectors(name) as Told[]).map(({ event }) => event.type));
    expect([...said].sort()).toEqual(Object.keys(commands).sort());
    expect([...new Set(heard)].sort()).toEqual(Object.keys(events).sort());
  });

  it("have a code for every fault", () => {
    expect(Object.keys(codes).sort()).toEqual([...faultCodes].sort());
  });
});

interface Told {
  readonly about: string;
  readonly event: ViewerEvent;
}
