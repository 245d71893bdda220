import { describe, expect, it } from "vitest";
import { codec } from "../../../bridges/agent-network/codec.js";
import { codes, errorContent } from "../../../bridges/agent-network/errors.js";
import { OpenExchanges, type Exchange } from "../../../bridges/agent-network/open-exchanges.js";
import { errorCodes, type Command, type NetworkEvent } from "../../../bridges/agent-network/schema.js";
import { eventOf } from "../../../bridges/agent-network/translate-event.js";
import { isSealed, spoken } from "../../../bridges/agent-network/translate.js";
import { Fault, faultCodes, type Envelope } from "../../../src/core/index.js";
import { refusesMalformed, vectorsOf, type MalformedVector } from "../../kit/dialect-vectors.js";
import { networkFields } from "../../kit/network-wire.js";

const vectors = vectorsOf("agent-network");

/** What a session has asked and was asked before. */
interface Open {
  readonly own?: readonly Exchange[];
  readonly ofOthers?: readonly Exchange[];
}

function opened({ own = [], ofOthers = [] }: Open = {}): OpenExchanges {
  const open = new OpenExchanges();
  for (const exchange of own) open.asks(exchange);
  for (const exchange of ofOthers) open.isAsked(exchange);
  return open;
}

function read(frame: string): Command {
  const [command] = codec.decode(frame);
  if (command === undefined || command instanceof Fault) throw new Error("it is no command");
  return command;
}

interface CommandVector {
  readonly about: string;
  readonly frame: string;
  readonly type: string;
  /** AUTH */
  readonly command?: object;
  readonly header?: object;
  readonly content?: object;
  readonly sealed?: true;
  readonly open?: Open;
  readonly away?: true;
  readonly spoken?: { readonly draft: { readonly raw?: string } };
}

describe("Agent Network's vectors", () => {
  it.each(vectors("commands") as CommandVector[])("reads: $about", (vector) => {
    const { frame, type, command, header, content, sealed, open, away = false } = vector;
    const said = read(frame);
    if (!("message" in said)) {
      expect(said).toEqual(command);
      return;
    }
    const { message } = said;
    expect({ type: said.type, header: message.header, content: message.content() }).toEqual({ type, header, content });
    expect(message.raw).toBe(frame);
    expect(isSealed(message.header)).toBe(sealed === true);
    if (vector.spoken === undefined) return;
    const { as, draft, asks, answers } = spoken(message, opened(open), { now: message.header.timestamp, isAway: away });
    const raw = draft.raw === frame ? { raw: "the frame" } : {};
    const { peer, messageId, id } = answers ?? {};
    expect({
      as,
      draft: { ...draft, ...raw },
      ...(asks && { asks }),
      ...(answers && { answers: { peer, messageId, id } }),
    }).toEqual(vector.spoken);
  });

  refusesMalformed(
    [...(vectors("malformed") as MalformedVector[]), ...(vectors("untranslatable") as MalformedVector[])],
    (frame) => {
      const said = read(frame);
      if ("message" in said) spoken(said.message, new OpenExchanges(), { now: 0 });
    },
    (fault, { wireCode }) => {
      expect(errorContent(fault, undefined, true)).toMatchObject({ errorCode: wireCode, recoverable: false });
    },
  );

  it.each(vectors("untranslatable") as MalformedVector[])(
    "pass between agents of this dialect: $about",
    ({ frame }) => {
      const said = read(frame);
      expect("message" in said && said.message.raw).toBe(frame);
    },
  );

  interface EventVector {
    readonly about: string;
    readonly envelope: Envelope;
    readonly replay?: true;
    readonly open?: Open;
    readonly event: NetworkEvent;
  }
  const told = vectors("events") as EventVector[];
  it.each(told)("tells: $about", ({ envelope, replay, open, event }) => {
    const heard = eventOf(envelope, { replay: replay ?? false, message: { receivedAt: 7 } }, opened(open));
    expect(heard).toEqual(event);
    expect(JSON.parse(codec.encode(heard) as string)).toEqual(event);
  });

  it("tell every fault", () => {
    const tellable = told.map(({ envelope: { content } }) => (content.data as { code?: unknown } | undefined)?.code);
    expect(tellable).toEqual(expect.arrayContaining([...faultCodes]));
    expect(Object.keys(codes).sort()).toEqual([...faultCodes].sort());
  });

  it("have an answer of every type of the broker's, and every code", () => {
    const answers = vectors("answers") as { event: NetworkEvent }[];
    const types = new Set(answers.map(({ event }) => event.messageType));
    expect([...types].sort()).toEqual(["ACK", "CONNECTED", "ERROR", "HEARTBEAT", "PRESENCE", "RESPONSE"].sort());
    const told = answers.filter(({ event }) => event.messageType === "ERROR").map(({ event }) => event.content);
    expect(told.map(({ errorCode }) => errorCode)).toEqual(
      expect.arrayContaining(errorCodes.filter((code) => !ofClients.has(code))),
    );
    for (const { event } of answers) expect(Object.keys(event).sort()).toEqual(networkFields);
  });
});

/** Codes that a client tells its own application: it has no connection, or cannot have one. */
const ofClients: ReadonlySet<string> = new Set(["CONNECTION_ERROR", "AUTHENTICATION_ERROR"]);
