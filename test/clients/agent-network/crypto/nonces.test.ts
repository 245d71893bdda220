import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { random } from "../../../../clients/typescript/agent-network/crypto/key-pairs.js";
import { nonceBytes } from "../../../../clients/typescript/agent-network/crypto/sealed.js";

const source = new URL("../../../../dist/clients/typescript/agent-network/crypto/key-pairs.js", import.meta.url).href;

/** Draws nonces as a client does after a start, says them and ends. */
const client = `
  import { writeSync } from "node:fs";
  import { random } from ${JSON.stringify(source)};
  const drawn = new Uint8Array(Number(process.argv[1]) * ${nonceBytes});
  for (let at = 0; at < drawn.length; at += ${nonceBytes}) drawn.set(random(${nonceBytes}), at);
  for (let at = 0; at < drawn.length; ) at += writeSync(1, drawn, at);
`;

async function drawnByOneProcess(count: number): Promise<Buffer> {
  const child = spawn(process.execPath, ["--input-type=module", "--eval", client, String(count)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const pieces: Buffer[] = [];
  child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
  await new Promise((resolve) => child.once("close", resolve));
  return Buffer.concat(pieces);
}

/** How many nonces have the first 8 bytes of another: among a million by chance once in 40 million times. */
function repeated(nonces: Uint8Array): number {
  const view = new DataView(nonces.buffer, nonces.byteOffset, nonces.byteLength);
  const beginnings = new BigUint64Array(nonces.length / nonceBytes);
  for (let index = 0; index < beginnings.length; index++) beginnings[index] = view.getBigUint64(index * nonceBytes);
  beginnings.sort();
  let count = 0;
  for (let index = 1; index < beginnings.length; index++) count += beginnings[index] === beginnings[index - 1] ? 1 : 0;
  return count;
}

describe("nonces", () => {
  it("are all different, a million of them", () => {
    const drawn = new Uint8Array(1_000_000 * nonceBytes);
    for (let at = 0; at < drawn.length; at += nonceBytes) drawn.set(random(nonceBytes), at);
    expect(repeated(drawn)).toBe(0);
    drawn.set(drawn.subarray(0, nonceBytes), 500_000 * nonceBytes);
    expect(repeated(drawn), "what looks for repeats finds one").toBe(1);
  });

  it("are all different over restarts", async () => {
    const [starts, each] = [8, 25_000];
    const drawn = Buffer.concat(await Promise.all(Array.from({ length: starts }, () => drawnByOneProcess(each))));
    expect(drawn.length).toBe(starts * each * nonceBytes);
    expect(repeated(drawn)).toBe(0);
  });
});
