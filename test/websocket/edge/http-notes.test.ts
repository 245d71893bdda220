import { describe, expect, it } from "vitest";
import { frontPage } from "../../../src/websocket/edge/front-page.js";
import { httpNotesOf } from "../../../src/websocket/edge/upgrade.js";

const paths = ["/", "/pan", "/socket.io"];
const notes = httpNotesOf([
  { name: "pan", paths: ["/pan"], subprotocols: [] },
  { name: "other", paths: ["/socket.io"], subprotocols: [], httpNotes: { "/socket.io": "Come by WebSocket alone." } },
]);

describe("an ordinary HTTP request at the path of a dialect", () => {
  it("is told what the dialect says of it, and that it takes a WebSocket", () => {
    const { status, body } = frontPage("GET", "/socket.io/?EIO=4&transport=polling", paths, notes);
    expect(status).toBe(426);
    expect(body).toMatch(
      /^Come by WebSocket alone\.\n[\s\S]*Connect with a WebSocket client to one of: .*\/socket\.io/,
    );
  });

  it("is told nothing more where the dialect says nothing", () => {
    expect(frontPage("GET", "/pan", paths, notes).body).toMatch(/^This is Synaptic Core/);
  });
});
