import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeCertificate } from "../../kit/certificates.js";
import type { Program } from "../../kit/cli.js";
import { startAgentchat } from "./binary.js";

describe("agentchat over TLS", () => {
  let home: string;
  let server: Program | undefined;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "agentchat-tls-"));
  });
  afterEach(async () => {
    await server?.stop();
    rmSync(home, { recursive: true, force: true });
  });

  it("serves wss to whoever trusts its certificate, and to nobody else", async () => {
    const { cert, key } = makeCertificate(home, "chat");
    server = startAgentchat(home, [
      "serve",
      "-p",
      "0",
      "-h",
      "127.0.0.1",
      "--tls-cert",
      cert,
      "--tls-key",
      key,
      "--json",
    ]);
    const { url } = JSON.parse(await server.prints(/\n/)) as { url: string };
    expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/);
    const send = (env: NodeJS.ProcessEnv): Promise<{ readonly code: number | null; readonly stderr: string }> =>
      startAgentchat(home, ["send", url, "#general", "hello"], { env }).ended;
    expect(await send({ NODE_EXTRA_CA_CERTS: cert })).toMatchObject({ code: 0 });
    expect(await send({})).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(/self-signed certificate; .*NODE_EXTRA_CA_CERTS=FILE/) as string,
    });
  });

  it("does not start with half a pair", async () => {
    const { cert } = makeCertificate(home, "chat");
    expect(await startAgentchat(home, ["serve", "-p", "0", "-h", "127.0.0.1", "--tls-cert", cert]).ended).toMatchObject(
      { code: 2, stderr: expect.stringMatching(/--tls-cert and --tls-key belong together/) as string },
    );
  });
});
