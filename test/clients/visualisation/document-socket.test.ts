import { describe, expect, it } from "vitest";
import { documentSocket } from "../../../clients/typescript/visualisation/document-socket.js";

/** What a browser's WebSocket is given. */
class Recording {
  static made: (readonly unknown[])[] = [];
  static said: unknown[] = [];
  constructor(...given: readonly unknown[]) {
    Recording.made.push(given);
  }
  send(data: unknown): void {
    Recording.said.push(data);
  }
}

describe("the document's connect snippet in a browser", () => {
  const WebSocket = documentSocket(Recording);
  const authToken = "header.claims.signature_-1";
  const connect = (protocols = "binary,json") =>
    new WebSocket("wss://api.example.com/agents/ws", {
      headers: {
        "Authorization": `Bearer ${authToken}`, // prettier-ignore
        "X-Client-Version": "1.0.0",
        "X-Requested-Protocols": protocols,
      },
    });

  it("says its token as a subprotocol, since browsers send no headers", () => {
    connect();
    expect(Recording.made.pop()).toEqual([
      "wss://api.example.com/agents/ws",
      ["visualisation.v2", `bearer.${authToken}`],
    ]);
  });

  it("asks for no binary where X-Requested-Protocols leaves it out", () => {
    const handshake = { type: "handshake", capabilities: ["binary", "compression"] };
    connect("binary, json").send(JSON.stringify(handshake));
    expect(JSON.parse(String(Recording.said.pop()))).toEqual(handshake);
    const socket = connect("json");
    socket.send(JSON.stringify(handshake));
    expect(JSON.parse(String(Recording.said.pop()))).toEqual({ ...handshake, capabilities: ["compression"] });
    for (const other of ["no JSON", '{"type":"heartbeat"}', "[]", Uint8Array.of(1)]) {
      socket.send(other);
      expect(Recording.said.pop()).toBe(other);
    }
  });

  it("takes subprotocols like any other WebSocket", () => {
    new WebSocket("wss://example.org/", ["pan.v1"]);
    expect(Recording.made.pop()).toEqual(["wss://example.org/", ["pan.v1"]]);
    new WebSocket("wss://example.org/", "pan.v1");
    expect(Recording.made.pop()).toEqual(["wss://example.org/", "pan.v1"]);
    new WebSocket("wss://example.org/", { headers: {} });
    expect(Recording.made.pop()).toEqual(["wss://example.org/", ["visualisation.v2"]]);
  });

  it("refuses a token that cannot go along, without saying it", () => {
    const made = () => new WebSocket("wss://example.org/", { headers: { authorization: "Bearer a/b=c" } });
    expect(made).toThrow("say it in the handshake");
    expect(made).not.toThrow("a/b=c");
  });
});
