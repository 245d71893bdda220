import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import type { Page } from "./chromium.js";

/** A page whose `window.modules` holds what some modules of `dist` export, and a server that has it. */
export interface PageOfModules {
  readonly port: number;
  close(): Promise<void>;
}

/** Bundles modules as a page would have them, and serves the page. @param paths below `dist` */
export async function serveModules(paths: readonly string[]): Promise<PageOfModules> {
  const dist = fileURLToPath(new URL("../../dist", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "synaptic-page-"));
  try {
    const input = join(folder, "entry.js");
    const imports = paths.map((path, nth) => `import * as m${nth} from ${JSON.stringify(`${dist}/${path}`)};`);
    const all = paths.map((_path, nth) => `...m${nth}`).join(", ");
    await writeFile(input, `${imports.join("\n")}\nwindow.modules = { ${all} };\n`);
    const bundle = await rolldown({ input, platform: "browser" });
    const { output } = await bundle.generate({ format: "esm" });
    await bundle.close();
    const [{ code }] = output;
    const server = createServer((request, response) => {
      const isScript = request.url === "/bundle.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? code : `<p>ready</p><script type="module" src="/bundle.js"></script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return {
      port: (server.address() as AddressInfo).port,
      close: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * What the body of an async function gives in such a page; `m` are its modules, `args` are given as JSON.
 * @throws Error with the message that it throws there
 */
export async function inPage<T>(page: Page, body: string, ...args: readonly unknown[]): Promise<T> {
  const told = (await page.evaluate(`(async () => {
    while (window.modules === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
    try {
      const result = await (async (m, args) => { ${body} })(window.modules, ${JSON.stringify(args)});
      return { result };
    } catch (error) {
      return { error: String(error?.message ?? error) };
    }
  })()`)) as { readonly result?: T; readonly error?: string } | undefined;
  if (told === undefined) throw new Error("the page has gone, or its script does not run");
  if (told.error !== undefined) throw new Error(told.error);
  return told.result as T;
}
