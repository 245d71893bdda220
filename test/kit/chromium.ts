import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { startProgram, type Program } from "./cli.js";

/** Where it may be, by the names of distributions; `.ci/run` looks at the same places. */
const binaries = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** An answer of the browser's debugging protocol. */
interface Answer {
  readonly id?: number;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

/** A real browser without a screen. */
export class Chromium {
  readonly #program: Program;
  readonly #profile: string;
  readonly #line: WebSocket;
  // bound: what a test asks · evicts: when it is answered · owner: Chromium
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #ids = 0;

  private constructor(program: Program, profile: string, line: WebSocket) {
    this.#program = program;
    this.#profile = profile;
    this.#line = line;
    line.on("message", (text: Buffer) => {
      const answer = JSON.parse(text.toString()) as Answer;
      this.#asked.get(answer.id ?? -1)?.(answer);
    });
  }

  /**
   * Starts it.
   * @param hosts names that mean this machine to it
   * @throws Error where there is none: it is no reason to leave the tests out
   */
  static async start(hosts: readonly string[] = []): Promise<Chromium> {
    const binary = binaries.find((path) => existsSync(path));
    if (binary === undefined)
      throw new Error(`there is no browser to test with (${binaries.join(", ")}); install one: apt install chromium`);
    const profile = await mkdtemp(join(tmpdir(), "synaptic-chromium-"));
    const rules = hosts.map((host) => `MAP ${host} 127.0.0.1`).join(",");
    const program = startProgram(binary, [
      "--headless",
      "--no-sandbox", // as root it starts only so
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--remote-debugging-port=0",
      `--user-data-dir=${profile}`,
      `--host-resolver-rules=${rules}`,
      "about:blank",
    ]);
    const said = await program.tells(/DevTools listening on ws:\S+/, 60_000);
    const line = new WebSocket(/DevTools listening on (ws:\S+)/.exec(said)?.[1] ?? "");
    await new Promise((resolve, reject) => line.once("open", resolve).once("error", reject));
    return new Chromium(program, profile, line);
  }

  /** Opens a page in a tab of its own. */
  async open(url: string): Promise<Page> {
    const { targetId } = await this.ask("Target.createTarget", { url });
    const { sessionId } = await this.ask("Target.attachToTarget", { targetId, flatten: true });
    return new Page(this, String(sessionId));
  }

  /** @throws Error what the browser says */
  ask(method: string, params: object, sessionId?: string): Promise<Readonly<Record<string, unknown>>> {
    const id = (this.#ids += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ result, error }) => {
        this.#asked.delete(id);
        if (error !== undefined) reject(new Error(`${method}: ${error.message}`));
        else resolve(result ?? {});
      });
      this.#line.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }));
    });
  }

  async stop(): Promise<void> {
    this.#line.terminate();
    await this.#program.stop("SIGKILL");
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** One page. */
export class Page {
  readonly #browser: Chromium;
  readonly #session: string;

  constructor(browser: Chromium, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  /** What an expression gives in the page. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.#browser.ask(
      "Runtime.evaluate",
      { expression, returnByValue: true, awaitPromise: true },
      this.#session,
    );
    return (result as { readonly value?: unknown }).value;
  }

  /** Types a text, key by key. */
  async type(text: string): Promise<void> {
    for (const key of text)
      for (const more of [{ type: "keyDown", text: key }, { type: "keyUp" }])
        await this.#browser.ask("Input.dispatchKeyEvent", { key, ...more }, this.#session);
  }

  /** Resolves with the text that the page shows once it fits. */
  async shows(wanted: RegExp, withinMs = 20_000): Promise<string> {
    const end = performance.now() + withinMs;
    for (;;) {
      // A page that is just being left has nothing to ask.
      const text = await this.evaluate("document.body?.innerText ?? ''").then(String, String);
      if (wanted.test(text)) return text;
      if (performance.now() > end)
        throw new Error(`not within ${withinMs} ms: ${wanted.source}; the page shows: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
