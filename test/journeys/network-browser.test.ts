import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SecureAgentSocket, type Message, type SecurityEvent } from "../../clients/typescript/agent-network/index.js";
import { eventually, startBroker, type TestBroker } from "../kit/broker.js";
import { Chromium } from "../kit/chromium.js";
import { NetworkSite, type NetworkPage } from "../kit/network-page.js";
import { startPythonAgent } from "../kit/network-python.js";
import { issueToken } from "../kit/tokens.js";

const passphrase = "correct horse battery staple";

describe("the client of Agent Network in a web page", () => {
  let chromium: Chromium;
  let at: TestBroker;
  let http: string;
  let url: string;
  let site: NetworkSite;
  const sockets: SecureAgentSocket[] = [];

  beforeAll(async () => {
    chromium = await Chromium.start(["page.example"]);
  });
  afterAll(() => chromium.stop());
  beforeEach(async () => {
    at = await startBroker();
    http = at.pan.replace(/^ws/, "http").replace(/\/pan$/, "");
    url = at.pan.replace(/\/pan$/, "/agent-network/v1/connect");
    site = await NetworkSite.start(http);
  });
  afterEach(async () => {
    await Promise.all(sockets.splice(0).map((socket) => socket.close()));
    await site.stop();
    await at.stop();
  });

  const token = (name: string): Promise<string> => issueToken(at.dataDir, name, "jwt");
  const enter = async (page: NetworkPage, name: string, options: object = {}): Promise<void> =>
    page.agent(name, url, await token(name), options);
  async function node(name: string): Promise<{
    readonly socket: SecureAgentSocket;
    readonly heard: Message[];
    readonly alarms: SecurityEvent[];
  }> {
    const socket = new SecureAgentSocket(url, await token(name), name);
    sockets.push(socket);
    const [heard, alarms]: [Message[], SecurityEvent[]] = [[], []];
    socket.onMessage = (message) => heard.push(message);
    socket.onSecurityEvent = (event) => alarms.push(event);
    socket.handle("QUERY", ({ parameters }, query) =>
      socket.respond(query, { data: { text: `node heard: ${String(parameters["text"])}` } }),
    );
    await socket.connect();
    return { socket, heard, alarms };
  }
  const ask = (page: NetworkPage, name: string, peer: string, text: string): Promise<unknown> =>
    page.run(`return ${name}.query(${JSON.stringify(peer)}, "CUSTOM", ${JSON.stringify({ text })})`);

  it("is one file that the broker serves, which a page gets once as long as it is the same", async () => {
    const first = await fetch(`${http}/sdk/network.js`);
    expect([first.status, first.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    expect(first.headers.get("access-control-allow-origin")).toBe("*");
    const code = await first.text();
    expect(code.length).toBeLessThan(1_000_000);
    expect(code).not.toMatch(/\bfrom ?"(?!data:)|\bimport ?"|\brequire\(/); // nothing is loaded beside it
    expect(code).toMatch(/libsodium \S+ \(ISC\)[^]*zod \S+ \(MIT\)/);
    const again = await fetch(`${http}/sdk/network.js`, {
      headers: { "if-none-match": first.headers.get("etag") ?? "" },
    });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it("speaks sealed with another page, and needs no more of a policy than WebAssembly", async () => {
    const [one, other] = [await site.open(chromium), await site.open(chromium)];
    await enter(one, "ada");
    await enter(other, "bob");
    expect(await ask(one, "ada", "bob", "hello")).toEqual({ text: "you said: hello" });
    expect(await ask(other, "bob", "ada", "and you?")).toEqual({ text: "you said: and you?" });
    expect(await other.run("return heard.find(({ messageType }) => messageType === 'QUERY')")).toMatchObject({
      content: { parameters: { text: "hello" } },
      sealed: true,
      verified: true,
    });
    for (const page of [one, other]) {
      expect(await page.run("return violations")).toEqual([]);
      expect(await page.run("return alarms")).toEqual([]);
    }
    expect(await one.run("return ada.fingerprintOf('bob')")).toBe(await other.run("return bob.fingerprint()"));
  });

  it("speaks sealed with a program in Node, whoever begins", async () => {
    const page = await site.open(chromium);
    const ned = await node("ned");
    await enter(page, "ada");
    expect(await ask(page, "ada", "ned", "hello")).toEqual({ text: "node heard: hello" });
    expect(await ned.socket.query("ada", "CUSTOM", { text: "hello page" })).toEqual({ text: "you said: hello page" });
    expect(ned.heard.find(({ messageType }) => messageType === "QUERY")).toMatchObject({
      sealed: true,
      verified: true,
    });
    expect(ned.alarms).toEqual([]);
  });

  it("speaks sealed with a program in Python, whoever begins", async () => {
    const page = await site.open(chromium);
    await enter(page, "ada");
    const python = startPythonAgent({ url, token: await token("py"), name: "py" });
    try {
      const fingerprint = await python.tells("fingerprint");
      expect(await ask(page, "ada", "py", "hällo 😀")).toMatchObject({ text: "py heard hällo 😀", sealed: true });
      python.say({ do: "query", to: "ada", text: "and you?" });
      expect(await python.tells("answer")).toEqual({ text: "you said: and you?" });
      expect(await page.run("return ada.fingerprintOf('py')")).toBe(fingerprint);
      expect(await page.run("return alarms")).toEqual([]);
    } finally {
      await python.end("SIGKILL");
    }
  });

  it("has its keys and its pins again after a reload, by the passphrase", async () => {
    const page = await site.open(chromium);
    const ned = await node("ned");
    const options = { passphrase, store: "reload" };
    await enter(page, "ada", options);
    await ask(page, "ada", "ned", "before");
    const print = await page.run("return ada.fingerprint()");
    const pin = await page.run("return ada.fingerprintOf('ned')");

    await page.reload();
    await enter(page, "ada", options);
    expect(await page.run("return ada.fingerprint()")).toBe(print);
    expect(await page.run("return ada.fingerprintOf('ned')")).toBe(pin);
    expect(await ask(page, "ada", "ned", "after")).toEqual({ text: "node heard: after" });
    expect(await ned.socket.query("ada", "CUSTOM", { text: "still you?" })).toEqual({ text: "you said: still you?" });
    expect([ned.alarms, await page.run("return alarms")]).toEqual([[], []]);

    await page.reload();
    await expect(enter(page, "ada", { ...options, passphrase: "a wrong one" })).rejects.toThrow(/passphrase/);
  });

  it("says after a reload what it had kept for somebody who was away, and nobody reads it in the browser's files", async () => {
    const page = await site.open(chromium);
    const options = { passphrase, store: "kept" };
    await enter(page, "ada", options);
    await page.run("await ada.inform('ned', 'zanzibar at noon')");
    const stored = await page.run(`
      const texts = [];
      for (const { name } of await indexedDB.databases()) {
        const open = indexedDB.open(name);
        const base = await new Promise((resolve) => (open.onsuccess = () => resolve(open.result)));
        for (const table of base.objectStoreNames) {
          const store = base.transaction(table).objectStore(table);
          for (const all of [store.getAllKeys(), store.getAll()]) {
            const rows = await new Promise((resolve) => (all.onsuccess = () => resolve(all.result)));
            const bytes = (row) => row instanceof Uint8Array || row instanceof ArrayBuffer
              ? new TextDecoder("latin1").decode(row) : JSON.stringify(row, (_key, value) => value instanceof Uint8Array ? bytes(value) : value);
            texts.push(...rows.map((row) => String(bytes(row))));
          }
        }
        base.close();
      }
      return texts.join("\\n")`);
    expect(String(stored).length).toBeGreaterThan(200);
    expect(stored).not.toMatch(/zanzibar|\bned\b/);

    await page.reload();
    await enter(page, "ada", options);
    const ned = await node("ned");
    await eventually(() => ned.heard.some(({ messageType }) => messageType === "INFORM"), "ned hears what waited");
    expect(ned.heard.find(({ messageType }) => messageType === "INFORM")).toMatchObject({
      content: { text: "zanzibar at noon" },
      sealed: true,
    });
  });

  it("is refused what it has kept while another page uses that, and is given it when that page is gone", async () => {
    const [one, other] = [await site.open(chromium), await site.open(chromium)];
    const options = { passphrase, store: "shared" };
    await enter(one, "ada", options);
    const print = await one.run("return ada.fingerprint()");
    await expect(enter(other, "ada", options)).rejects.toThrow(/page|tab/);
    await one.run("await ada.close()");
    await other.reload();
    await enter(other, "ada", options);
    expect(await other.run("return ada.fingerprint()")).toBe(print);
  });

  it("keeps nothing without a passphrase, and is somebody new after a reload, whom its peer refuses until it accepts", async () => {
    const page = await site.open(chromium);
    const ned = await node("ned");
    const before = await page.run("return (await indexedDB.databases()).length");
    await enter(page, "ada");
    await ask(page, "ada", "ned", "before");
    expect(await page.run("return (await indexedDB.databases()).length")).toBe(before);

    await page.reload();
    await enter(page, "ada");
    await page.run("ada.query('ned', 'CUSTOM', { text: 'it is me' }).catch(() => undefined)");
    await eventually(() => ned.alarms.length > 0, "ned hears of another key");
    expect(ned.alarms[0]).toMatchObject({ kind: "key-changed", peer: "ada" });
    await ned.socket.acceptKey("ada", String(await page.run("return ada.fingerprint()")));
    expect(await ask(page, "ada", "ned", "it is me")).toEqual({ text: "node heard: it is me" });
  });

  it("says in an insecure context that it needs a secure one, and does nothing", async () => {
    const page = await site.open(chromium, "page.example");
    expect(await page.run("return isSecureContext")).toBe(false);
    await expect(enter(page, "ada")).rejects.toThrow(/secure context|https/);
  });
});
