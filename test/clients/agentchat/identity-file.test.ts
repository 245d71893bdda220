import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  agentIdOf,
  chainOfCustody,
  generateIdentity,
  readIdentity,
  rotateIdentity,
  sign,
  writeIdentity,
  type Identity,
} from "../../../clients/typescript/agentchat/identity-file.js";
import { readPublicKey, verifies } from "../../../bridges/agentchat/keys.js";

describe("an identity file", () => {
  let folder: string;
  let path: string;
  let ada: Identity;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "agentchat-identity-"));
    path = join(folder, "deep", "identity.json");
    ada = generateIdentity("ada");
  });
  afterEach(() => rm(folder, { recursive: true }));
  const modeOf = async (of: string): Promise<number> => (await stat(of)).mode & 0o777;
  async function holding(value: unknown): Promise<string> {
    const file = join(folder, "written.json");
    await writeFile(file, typeof value === "string" ? value : JSON.stringify(value), { mode: 0o600 });
    return file;
  }
  const der = (base64: string): Buffer => Buffer.from(base64, "base64");

  it("holds what the document says, for its owner only", async () => {
    await writeIdentity(path, ada);
    expect(await readIdentity(path)).toEqual(ada);
    expect(Object.keys(JSON.parse(await readFile(path, "utf8")) as object)).toEqual([
      "name",
      "pubkey",
      "privkey",
      "created",
    ]);
    expect(await modeOf(path)).toBe(0o600);
    expect(await readdir(join(folder, "deep"))).toEqual(["identity.json"]);
    const key = readPublicKey(ada.pubkey);
    expect(key === undefined ? undefined : verifies(key, "text", sign(ada, "text"))).toBe(true);
    expect(agentIdOf(ada)).toBe(`@${key?.agentId ?? ""}`);
  });

  it("keeps fields it does not know, also when it is written again", async () => {
    await writeIdentity(path, { ...ada, wallet: { chain: "x" } });
    await writeIdentity(path, await readIdentity(path), { overwrite: true });
    expect(await readIdentity(path)).toMatchObject({ wallet: { chain: "x" } });
  });

  it.each([
    [
      "PEM",
      (): Partial<Identity> => ({
        pubkey: createPublicKey({ key: der(ada.pubkey), format: "der", type: "spki" })
          .export({ format: "pem", type: "spki" })
          .toString(),
        privkey: createPrivateKey({ key: der(ada.privkey), format: "der", type: "pkcs8" })
          .export({ format: "pem", type: "pkcs8" })
          .toString(),
      }),
    ],
    [
      "the raw 32 bytes",
      (): Partial<Identity> => ({
        pubkey: der(ada.pubkey).subarray(-32).toString("base64"),
        privkey: der(ada.privkey).subarray(-32).toString("base64"),
      }),
    ],
  ])("reads keys written as %s", async (_form, keys) => {
    expect(await readIdentity(await holding({ ...ada, ...keys() }))).toEqual(ada);
  });

  it("refuses to overwrite, whoever comes second", async () => {
    const both = await Promise.allSettled([writeIdentity(path, ada), writeIdentity(path, generateIdentity("eve"))]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(both.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "IDENTITY_EXISTS" } });
    expect(await readdir(join(folder, "deep"))).toEqual(["identity.json"]);
    const before = await readFile(path, "utf8");
    await expect(writeIdentity(path, generateIdentity("eve"))).rejects.toThrow(/lost for good/);
    expect(await readFile(path, "utf8")).toBe(before);
  });

  it("closes a file that others may read", async () => {
    const file = await holding(ada);
    await chmod(file, 0o644);
    expect(await readIdentity(file)).toEqual(ada);
    expect(await modeOf(file)).toBe(0o600);
  });

  it("leaves the mode of a file alone that is none", async () => {
    for (const held of ["# notes\n", "", "[]", { ...ada, privkey: undefined }]) {
      const file = await holding(held);
      await chmod(file, 0o644);
      await expect(readIdentity(file)).rejects.toMatchObject({ code: "IDENTITY_INVALID" });
      expect(await modeOf(file)).toBe(0o644);
    }
  });

  it("follows no link, neither reading nor writing", async () => {
    const target = await holding(ada);
    await chmod(target, 0o644);
    const before = await readFile(target, "utf8");
    const link = join(folder, "link.json");
    await symlink(target, link);
    await expect(readIdentity(link)).rejects.toMatchObject({ code: "IDENTITY_UNSAFE" });
    await expect(writeIdentity(link, generateIdentity("eve"))).rejects.toMatchObject({ code: "IDENTITY_EXISTS" });
    const dangling = join(folder, "dangling.json");
    await symlink(join(folder, "nowhere"), dangling);
    await expect(writeIdentity(dangling, ada)).rejects.toMatchObject({ code: "IDENTITY_EXISTS" });
    await writeIdentity(link, generateIdentity("eve"), { overwrite: true });
    expect((await lstat(link)).isSymbolicLink()).toBe(false);
    expect(await readFile(target, "utf8")).toBe(before);
    expect(await modeOf(target)).toBe(0o644);
  });

  it.each([
    ["nothing", "", /is empty/],
    ["half a file", '{"name":"ada","privkey":"c2VjcmV0', /is not JSON/],
    ["no object", "[]", /an identity is/],
    ["no private key", { privkey: undefined }, /it is no identity: privkey: is missing; it is text/],
    ["a private key that is none", { privkey: "c2VjcmV0" }, /privkey is no private key/],
    ["a private key that is no base64", { privkey: "{c2VjcmV0}" }, /privkey is no key/],
    ["a public key that is none", { pubkey: "c2VjcmV0" }, /pubkey is no Ed25519/],
    [
      "an RSA key",
      {
        privkey: generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey.export({
          format: "pem",
          type: "pkcs8",
        }),
      },
      /type rsa.*Ed25519 only/,
    ],
    [
      "an X25519 key",
      { privkey: generateKeyPairSync("x25519").privateKey.export({ format: "der", type: "pkcs8" }).toString("base64") },
      /type x25519/,
    ],
    ["keys of two people", { pubkey: generateIdentity("eve").pubkey }, /do not belong together/],
    ["far too much", " ".repeat(70_000), /too long/],
  ])("says what is wrong with %s, and quotes no key", async (_what, held, message) => {
    const file = await holding(typeof held === "string" ? held : { ...ada, ...held });
    const thrown: unknown = await readIdentity(file).catch((caught: unknown) => caught);
    expect(thrown).toMatchObject({ code: "IDENTITY_INVALID", message: expect.stringMatching(message) as string });
    expect((thrown as Error).message).toContain(file);
    expect((thrown as Error).message).not.toContain("c2VjcmV0");
  });

  it("says what to do when there is none, a folder, or nowhere to write", async () => {
    await expect(readIdentity(path)).rejects.toMatchObject({
      code: "IDENTITY_MISSING",
      message: expect.stringContaining("--generate") as string,
    });
    await expect(readIdentity(folder)).rejects.toMatchObject({ code: "IDENTITY_UNSAFE" });
    const file = await holding(ada);
    await expect(writeIdentity(join(file, "identity.json"), ada)).rejects.toMatchObject({ code: "IDENTITY_UNSAFE" });
    await mkdir(path, { recursive: true });
    await expect(writeIdentity(path, ada, { overwrite: true })).rejects.toMatchObject({ code: "IDENTITY_UNSAFE" });
    expect(await readdir(join(folder, "deep"))).toEqual(["identity.json"]);
    expect(() => generateIdentity("no name")).toThrow(/1 to 32/);
  });

  it("changes its key with a chain of custody, each key having signed for the next", async () => {
    await writeIdentity(path, { ...ada, wallet: 1 });
    const second = await rotateIdentity(path);
    const third = await rotateIdentity(path);
    expect(await readIdentity(path)).toEqual(third);
    expect(third).toMatchObject({ name: "ada", created: ada.created, wallet: 1 });
    expect(await modeOf(path)).toBe(0o600);
    const chain = chainOfCustody(third);
    expect(chain.map(({ pubkey }) => pubkey)).toEqual([ada.pubkey, second.pubkey]);
    const key = readPublicKey(ada.pubkey);
    const [first] = chain;
    expect(
      key === undefined || first === undefined
        ? false
        : verifies(key, `AGENTCHAT_ROTATE|${ada.pubkey}|${second.pubkey}|${first.at}`, first.signature),
    ).toBe(true);
    const text = await readFile(path, "utf8");
    for (const gone of [ada.privkey, second.privkey]) expect(text).not.toContain(gone);
    expect(chainOfCustody(ada)).toEqual([]);
  });

  it("finds a broken chain", async () => {
    await writeIdentity(path, ada);
    await rotateIdentity(path);
    const whole = await rotateIdentity(path);
    const [first, second] = chainOfCustody(whole);
    for (const rotations of [
      [second, first],
      [first],
      [first, { ...second, at: "2020-01-01T00:00:00.000Z" }],
      [{ pubkey: "x" }],
      "none",
    ]) {
      expect(() => chainOfCustody({ ...whole, rotations })).toThrow(/rotations/);
    }
    expect(() => chainOfCustody({ ...whole, pubkey: generateIdentity("eve").pubkey })).toThrow(/did not sign/);
  });
});
