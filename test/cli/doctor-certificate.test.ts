import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Finding } from "../../src/cli/doctor/check.js";
import { certificate } from "../../src/cli/doctor/certificate.js";
import { readLayers } from "../../src/config/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { makeCertificate } from "../kit/certificates.js";

describe("what doctor says of a certificate's key", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "synaptic-certificate-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function findings({ cert, key }: ReturnType<typeof makeCertificate>): Promise<readonly Finding[]> {
    const layered = readLayers({
      flags: { tlsCert: cert, tlsKey: key },
      env: {},
      resolveDataDir: () => folder,
    });
    return certificate({ layered, data: new DataDirectory(folder), endpoints: undefined });
  }

  it("is nothing if it is ECDSA", async () => {
    const found = await findings(makeCertificate(folder, "ecdsa"));
    expect(found.map(({ check }) => check)).toEqual(["certificate"]);
  });

  it("is what an RSA key costs, and a command that makes an ECDSA pair for the same names", async () => {
    const pair = makeCertificate(folder, "rsa", ["*.broker.lan"], "rsa");
    const [, advice] = await findings(pair);
    expect(advice).toMatchObject({
      check: "certificate key",
      result: "good",
      found: expect.stringMatching(/rsa\.key is an RSA key \(2048 bits\): .* ten times as long/) as string,
    });
    execFileSync("sh", ["-c", advice?.remedy ?? ""], { cwd: folder, stdio: "ignore" });
    const made = { cert: join(folder, "ecdsa-chain.pem"), key: join(folder, "ecdsa-key.pem") };
    expect(createPrivateKey(readFileSync(made.key)).asymmetricKeyType).toBe("ec");
    const names = (file: string): string | undefined => new X509Certificate(readFileSync(file)).subjectAltName;
    expect(names(made.cert)).toBe(names(pair.cert));
    expect((await findings(made)).map(({ check, result }) => [check, result])).toEqual([["certificate", "good"]]);
  });
});
