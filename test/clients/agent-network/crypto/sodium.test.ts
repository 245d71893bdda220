import { describe, expect, it } from "vitest";
import { startProgram } from "../../../kit/cli.js";

const dist = (name: string): string =>
  JSON.stringify(new URL(`../../../../dist/clients/typescript/agent-network/crypto/${name}.js`, import.meta.url).href);

/** Runs a script in a process of its own, where libsodium was never loaded; what it prints. */
async function prints(script: string): Promise<string> {
  const { stdout, stderr } = await startProgram(process.execPath, ["--input-type=module", "--eval", script]).ended;
  return stdout + stderr;
}

describe("loading libsodium", () => {
  it("says on a page without https why nothing can be sealed there", async () => {
    const script = `
      Object.defineProperty(globalThis, "crypto", { value: { getRandomValues: crypto.getRandomValues.bind(crypto) } });
      const { ready } = await import(${dist("sodium")});
      await ready().catch((error) => console.log(error.message));
    `;
    expect(await prints(script)).toContain("serve the page over https or localhost");
  });

  it("says on a page that forbids WebAssembly what to allow", async () => {
    const script = `
      const forbidden = () => Promise.reject(new Error("forbidden by the policy of the page"));
      Object.assign(WebAssembly, { instantiate: forbidden, compile: forbidden, instantiateStreaming: forbidden });
      const { ready } = await import(${dist("sodium")});
      await ready().catch((error) => console.log(error.message, String(error.cause)));
    `;
    const printed = await prints(script);
    expect(printed).toContain("its script-src needs 'wasm-unsafe-eval'");
    expect(printed).toContain("forbidden by the policy of the page");
  });

  it("says to whoever does not wait for it that they have to", async () => {
    const script = `
      const { random, signingPair } = await import(${dist("key-pairs")});
      try { signingPair(random(32)); } catch (error) { console.log(error.message); }
    `;
    expect(await prints(script)).toContain("await ready() before");
  });

  it("is done once, however often it is asked for", async () => {
    const script = `
      const { ready } = await import(${dist("sodium")});
      const [one, other] = await Promise.all([ready(), ready()]);
      console.log(one === other, (await ready()) === one);
    `;
    expect(await prints(script)).toContain("true true");
  });
});
