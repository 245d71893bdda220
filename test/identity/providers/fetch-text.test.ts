import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { FakeClock } from "../../../src/conformance/fake-clock.js";
import { fetchMs, fetchText, type FetchedText } from "../../../src/identity/providers/fetch-text.js";
import { eventually } from "../../kit/broker.js";
import { IssuerServer, says, silence, status } from "../../kit/issuer-server.js";

describe("a fetch of keys", () => {
  let folder: string;
  let server: IssuerServer;
  let ca: string;
  const clock = new FakeClock();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-fetch-"));
    server = await IssuerServer.start(folder, says({}));
    ca = readFileSync(server.ca, "utf8");
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  afterEach(async () => {
    // Whatever came, nothing of it stays.
    await eventually(() => server.connections === 0 && clock.waiting === 0, "the connection is closed");
  });

  const fetch = (url = server.url): Promise<FetchedText> => fetchText(url, { clock, ca });

  it("brings the text, how long it may be kept, and the other clock", async () => {
    server.answer = says({ keys: [] }, { "cache-control": "public, max-age=600", age: "100" });
    const { text, maxAgeMs, date } = await fetch();
    expect([text, maxAgeMs]).toEqual(['{"keys":[]}', 500_000]);
    expect(Math.abs((date ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it.each<[string, number | undefined]>([
    ["no-store", 0],
    ["max-age=60, no-cache", 0],
    ["s-maxage=60", undefined],
    ["max-age=many", undefined],
    ["max-age=99999999999999999999", undefined],
  ])("keeps by Cache-Control: %s", async (rules, kept) => {
    server.answer = says({}, { "cache-control": rules });
    expect((await fetch()).maxAgeMs).toBe(kept);
  });

  it("takes a document of whatever type it is said to be", async () => {
    server.answer = says({ keys: [] }, { "content-type": "text/html" });
    expect((await fetch()).text).toBe('{"keys":[]}');
  });

  it.each([301, 302, 303, 307, 308])("follows no redirect (%d)", async (code) => {
    const before = server.asked;
    server.answer = status(code, { location: `${server.url}2` });
    await expect(fetch()).rejects.toThrow(`a redirect (${String(code)}), which is not followed`);
    expect(server.asked).toBe(before + 1);
  });

  it.each([204, 304, 400, 404, 500, 503])("takes no answer with status %d", async (code) => {
    server.answer = status(code);
    await expect(fetch()).rejects.toThrow(String(code));
  });

  it("gives up an answer that says it is too large before it reads it", async () => {
    server.answer = (_request, response) => {
      response.writeHead(200, { "content-length": "65537" });
      response.flushHeaders();
    };
    await expect(fetch()).rejects.toThrow("more than 64 KiB");
  });

  it("cuts an answer without an end at 64 KiB", async () => {
    let written = 0;
    server.answer = (_request, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write("x".repeat(16_384))) written += 16_384;
        if (!response.destroyed) response.once("drain", more);
      };
      more();
    };
    await expect(fetch()).rejects.toThrow("more than 64 KiB");
    expect(written).toBeLessThan(16 * 1024 * 1024);
  });

  it("takes a document of exactly 64 KiB", async () => {
    server.answer = says("x".repeat(65_536));
    expect((await fetch()).text).toHaveLength(65_536);
  });

  it("gives up a server that never answers after 5 s", async () => {
    server.answer = silence;
    const before = server.asked;
    const fetched = expect(fetch()).rejects.toThrow("no complete answer within 5 s");
    await eventually(() => server.asked > before, "the server is asked");
    clock.advance(fetchMs - 1);
    expect(clock.waiting).toBe(1);
    clock.advance(1);
    await fetched;
  });

  it("gives up a server that answers too slowly, however much has come", async () => {
    server.answer = (_request, response) => {
      response.writeHead(200).write('{"keys":');
    };
    const before = server.asked;
    const fetched = expect(fetch()).rejects.toThrow("no complete answer within 5 s");
    await eventually(() => server.asked > before, "the server is asked");
    clock.advance(fetchMs);
    await fetched;
  });

  it("takes no answer that ends before it is complete", async () => {
    server.answer = (_request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("{");
      setImmediate(() => response.socket?.destroy());
    };
    await expect(fetch()).rejects.toThrow("ended before the answer was complete");
  });

  it("takes no answer that is another protocol", async () => {
    server.answer = (request) => {
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n");
    };
    await expect(fetch()).rejects.toThrow("ended before the answer was complete");
  });

  it("takes no answer that is compressed", async () => {
    server.answer = says("{}", { "content-encoding": "gzip" });
    await expect(fetch()).rejects.toThrow("compressed");
  });

  it("takes no answer with a head without end", async () => {
    server.answer = (request) => {
      request.socket.write(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}`);
    };
    await expect(fetch()).rejects.toThrow("HPE_HEADER_OVERFLOW");
  });

  it("believes no server for whom nobody vouches", async () => {
    await expect(fetchText(server.url, { clock })).rejects.toThrow("name that authority's file as ca");
  });

  it("believes no server under another name", async () => {
    await expect(fetch(server.url.replace("127.0.0.1", "127.0.0.2"))).rejects.toThrow();
  });

  it("says that nobody listens there", async () => {
    await expect(fetch("https://127.0.0.1:1/keys")).rejects.toThrow("refuses the connection");
  });

  it("ends at once when it is given up", async () => {
    server.answer = silence;
    const given = new AbortController();
    const before = server.asked;
    const fetched = expect(fetchText(server.url, { clock, ca, signal: given.signal })).rejects.toThrow();
    await eventually(() => server.asked > before, "the server is asked");
    given.abort();
    await fetched;
  });
});
