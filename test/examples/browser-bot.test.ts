import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Agent, BrokerOptions } from "../../src/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { makeCertificate } from "../kit/certificates.js";
import { Chromium, type Page } from "../kit/chromium.js";
import { startProgram, type Program } from "../kit/cli.js";
import { panToken } from "../kit/pan-wire.js";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));

describe("a web page as a bot, in a real browser", () => {
  let chromium: Chromium;
  let server: Program;
  let port: string;
  let at: TestBroker;
  let asker: Agent;
  const logged: string[] = [];

  beforeAll(async () => {
    // As the page says, but for the port.
    server = startProgram("/usr/bin/python3", [
      "-u",
      "-m",
      "http.server",
      "0",
      "--bind",
      "127.0.0.1",
      "--directory",
      examples,
    ]);
    port = /port (\d+)/.exec(await server.prints(/port \d+/))?.[1] ?? "";
    chromium = await Chromium.start(["bot.example", "broker.lan"]);
  });
  afterAll(async () => {
    await chromium.stop();
    await server.stop("SIGKILL");
  });
  beforeEach(() => {
    logged.length = 0;
  });
  afterEach(() => at.stop());

  async function begin(options: BrokerOptions = {}): Promise<void> {
    at = await startBroker({
      log: (_level, event, fields) => logged.push(JSON.stringify({ event, ...fields })),
      ...options,
    });
    asker = at.broker.agent("asker");
  }
  /** Opens the example from there and connects it. */
  async function connect(page: string, url = at.pan): Promise<Page> {
    const opened = await chromium.open(page);
    await opened.shows(/Connect/);
    const fields = { url, token: panToken(at.dataDir) };
    await opened.evaluate(
      `for (const [name, value] of Object.entries(${JSON.stringify(fields)})) document.forms[0][name].value = value;
      document.forms[0].requestSubmit()`,
    );
    return opened;
  }
  const ofThisMachine = (): string => `http://127.0.0.1:${port}/browser-bot.html`;
  const ofElsewhere = (): string => `http://bot.example:${port}/browser-bot.html`;
  const asked = async (): Promise<string> => (await asker.request("web-bot", "<b>hello</b>")).content.message;

  it("answers when it comes from this machine, and shows what strangers say as text", async () => {
    await begin();
    const page = await connect(ofThisMachine());
    await page.shows(/Welcome to PAN/);
    expect(await asked()).toBe("web-bot heard: <b>hello</b>");
    await page.shows(/<b>hello<\/b>/);
    expect(await page.evaluate("document.querySelectorAll('#log b').length")).toBe(0);
  });

  it("says so when its token is wrong", async () => {
    await begin();
    const page = await chromium.open(ofThisMachine());
    await page.shows(/Connect/);
    await page.evaluate(`document.forms[0].url.value = ${JSON.stringify(at.pan)}; document.forms[0].requestSubmit()`);
    await page.shows(/AUTH_FAILED[^]*closed: 1008/);
  });

  it("is refused from elsewhere until --origin names it, and the broker's log says which", async () => {
    await begin();
    await (await connect(ofElsewhere())).shows(/no connection[^]*bot\.example[^]*--origin/);
    expect(logged.join("\n")).toContain(`start the broker with --origin http://bot.example:${port};`);
    await at.stop();
    await begin({ origins: [`http://bot.example:${port}`] });
    await (await connect(ofElsewhere())).shows(/Welcome to PAN/);
    expect(await asked()).toContain("hello");
  });

  it("is refused as a file until --origin null lets in all pages without an origin", async () => {
    await begin();
    await (await connect(`file://${examples}/browser-bot.html`)).shows(/no connection/);
    expect(logged.join("\n")).toContain("--origin null");
    await at.stop();
    await begin({ origins: ["null"] });
    await (await connect(`file://${examples}/browser-bot.html`)).shows(/Welcome to PAN/);
  });

  it("meets a certificate of one's own once it has been accepted at the https address", async () => {
    const folder = await mkdtemp(join(tmpdir(), "synaptic-browser-"));
    const { cert, key } = makeCertificate(folder, "browser");
    await begin({ tlsCert: cert, tlsKey: key });
    try {
      await (await connect(ofThisMachine())).shows(/no connection/);
      const warning = await chromium.open(at.pan.replace(/^ws/, "http").replace(/\/pan$/, "/"));
      await warning.shows(/not private/);
      await warning.type("thisisunsafe"); // what "proceed" does
      await warning.shows(/A message broker where AI agents meet/);
      await (await connect(ofThisMachine())).shows(/Welcome to PAN/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("that came over TLS reaches ws:// on this machine, and elsewhere is told why not", async () => {
    const folder = await mkdtemp(join(tmpdir(), "synaptic-browser-"));
    const { cert, key } = makeCertificate(folder, "pages");
    const html = readFileSync(`${examples}/browser-bot.html`);
    const pages = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_request, response) => {
      response.end(html);
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    await begin();
    try {
      const url = `https://127.0.0.1:${(pages.address() as AddressInfo).port}/`;
      const warning = await chromium.open(url);
      await warning.shows(/not private/);
      await warning.type("thisisunsafe");
      await warning.shows(/Connect/);
      await (await connect(url)).shows(/Welcome to PAN/);
      await (await connect(url, at.pan.replace("127.0.0.1", "broker.lan"))).shows(/insecure WebSocket/);
    } finally {
      pages.closeAllConnections();
      await new Promise((resolve) => pages.close(resolve));
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("cannot be begun on the broker's own page, which runs no script and reaches nobody", async () => {
    await begin();
    const page = await chromium.open(at.pan.replace(/^ws/, "http").replace(/\/pan$/, "/"));
    await page.shows(/asker\s+local, proved/);
    expect(await page.evaluate("getComputedStyle(document.body).maxWidth")).toBe("736px");
    const tried = await page.evaluate(
      `new Promise((done) => {
        document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => done(effectiveDirective));
        document.head.append(Object.assign(document.createElement("script"), { textContent: "document.title = 'run'" }));
      })`,
    );
    expect([tried, await page.evaluate("document.title")]).toEqual(["script-src-elem", "Synaptic Core"]);
  });

  it("has a bot of some twenty lines", () => {
    const [, script = ""] =
      /<script type="module">\n([^]*?)<\/script>/.exec(readFileSync(`${examples}/browser-bot.html`, "utf8")) ?? [];
    expect(script.trim().split("\n").length).toBeLessThanOrEqual(25);
  });
});
