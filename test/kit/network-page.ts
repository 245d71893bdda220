import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Chromium, Page } from "./chromium.js";

/**
 * A site whose page imports a client from a broker, under a Content-Security-Policy that allows what
 * docs/browsers.md says, and no more.
 */
export class NetworkSite {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param broker `http://HOST:PORT`, which serves the client @param client its name there */
  static async start(broker: string, client: "network" | "visualisation" = "network"): Promise<NetworkSite> {
    const wasm = client === "network" ? " 'wasm-unsafe-eval'" : "";
    const policy =
      `default-src 'none'; script-src 'nonce-page' ${broker}${wasm}; ` + `connect-src ${broker.replace(/^http/, "ws")}`;
    const html = `<!doctype html><title>page</title><p id="state">loading</p>
<script nonce="page">
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective));
</script>
<script nonce="page" type="module">
  import * as sdk from "${broker}/sdk/${client}.js";
  Object.assign(window, sdk);
  document.getElementById("state").textContent = "loaded";
</script>`;
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/html", "content-security-policy": policy }).end(html);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new NetworkSite(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Opens the page, in a tab of its own, and waits until it has the client. */
  async open(chromium: Chromium, host = "127.0.0.1"): Promise<NetworkPage> {
    const page = await chromium.open(`http://${host}:${this.port}/`);
    await page.shows(/loaded/);
    return new NetworkPage(page);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The page in the browser; what runs in it is text. */
export class NetworkPage {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  /** What an async function with this body returns in the page. @throws Error what it throws there */
  async run(body: string): Promise<unknown> {
    const told = (await this.#page.evaluate(
      `(async () => { ${body} })().then((value) => ({ value }), (error) => ({ error: String(error?.message ?? error) }))`,
    )) as { readonly value?: unknown; readonly error?: string } | undefined;
    if (told === undefined) throw new Error(`the page says nothing to: ${body}`);
    if (told.error !== undefined) throw new Error(told.error);
    return told.value;
  }

  /**
   * Makes an agent of the page, `window.NAME`, which answers queries and keeps what it hears in `window.heard` and its
   * security events in `window.alarms`.
   */
  async agent(name: string, url: string, token: string, options: object = {}): Promise<void> {
    await this.run(`
      window.heard ??= []; window.alarms ??= [];
      const agent = (window[${JSON.stringify(name)}] =
        new SecureAgentSocket(${JSON.stringify(url)}, ${JSON.stringify(token)}, ${JSON.stringify(name)},
          ${JSON.stringify(options)}));
      agent.onSecurityEvent = ({ kind, peer }) => alarms.push(kind + " " + peer);
      agent.onMessage = ({ messageType, content, sealed, verified }) =>
        heard.push({ messageType, content, sealed, verified });
      agent.handle("QUERY", ({ parameters }, query) =>
        agent.respond(query, { data: { text: "you said: " + parameters.text } }));
      await agent.connect();
    `);
  }

  /** Loads it again, as a person does. */
  async reload(): Promise<void> {
    await this.#page.evaluate("document.getElementById('state').textContent = 'leaving'; location.reload()");
    await this.#page.shows(/loaded/);
  }
}
