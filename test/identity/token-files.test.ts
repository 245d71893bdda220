import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Fault, defaultLimits } from "../../src/core/index.js";
import { DataDirectory } from "../../src/storage/index.js";
import { IdentityTokens, operatorName } from "../../src/identity/index.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { codeOf } from "../kit/directory-world.js";
import { speaker } from "../kit/speaker.js";

let data: DataDirectory;
let clock: FakeClock;
let faults: Fault[];
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-tokens-")));
  clock = new FakeClock();
  faults = [];
});
afterEach(() => {
  rmSync(data.path, { recursive: true, force: true });
});

/** An identity on the test's folder; two of them are two processes. */
function open(): IdentityTokens {
  const identity = elsewhere();
  identity.load();
  return identity;
}

/** Another process on the same folder, which reads tokens.json only. */
function elsewhere(): IdentityTokens {
  return new IdentityTokens({
    dataDirectory: data,
    clock,
    limits: defaultLimits,
    reserved: [],
    damaged: (fault) => faults.push(fault),
  });
}

function line(file: string): string {
  return readFileSync(data.file(file), "utf8").trimEnd();
}

describe("a file that cannot be read", () => {
  /**
   * Puts a folder where the file was, which nobody can read, root neither; the returned function puts the file back as
   * it was.
   */
  function hide(file: string): () => void {
    const path = data.file(file);
    renameSync(path, `${path}.hidden`);
    mkdirSync(path);
    return () => {
      rmdirSync(path);
      renameSync(`${path}.hidden`, path);
    };
  }

  it("keeps what it said, hides no revocation in tokens.json, and is told once with path, cause and remedy", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada" });
    const id = identity.listing(token)?.id ?? "";
    const [pan, operator] = [line("pan-token"), line("operator-token")];
    for (const file of ["pan-token", "operator-token"]) hide(file);
    await elsewhere().revoke("ada");
    for (let i = 0; i < 5; i += 1) {
      clock.advance(200);
      expect(identity.endOf(id)).toBe("revoked");
    }
    expect(codeOf(() => identity.plain("ada", token))).toBe("unauthenticated");
    expect((await speaker(identity, "bob", pan)).trust).toBe("shared");
    expect(identity.plain(operatorName, operator).agent).toBe(operatorName);
    expect(faults.map(({ message }) => message)).toEqual(
      ["pan-token", "operator-token"].map(
        (file) =>
          expect.stringMatching(new RegExp(`${data.file(file)} cannot be read: EISDIR.*move it away`)) as string,
      ),
    );
  });

  it("is read again at the next look, though neither its time nor its size differ", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada" });
    const id = identity.listing(token)?.id ?? "";
    const path = data.file("tokens.json");
    writeFileSync(path, "{");
    clock.advance(200);
    expect(identity.endOf(id)).toBeUndefined();
    const { atime, mtime } = statSync(path);
    writeFileSync(path, '{"tokens":[]}');
    utimesSync(path, atime, mtime);
    clock.advance(200);
    expect(identity.endOf(id)).toBe("revoked");
    const back = hide("tokens.json");
    clock.advance(200);
    identity.endOf(id);
    back();
    clock.advance(200);
    identity.endOf(id);
    hide("tokens.json");
    clock.advance(200);
    identity.endOf(id);
    expect(faults.filter(({ message }) => message.includes("EISDIR"))).toHaveLength(2);
  });

  it("is noticed by the time of its change when a revocation has the old time of writing and the old size", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada" });
    const path = data.file("tokens.json");
    const text = readFileSync(path, "utf8");
    utimesSync(path, 1, 1);
    clock.advance(200);
    expect(identity.plain("ada", token).agent).toBe("ada");
    writeFileSync(path, text.replace("ada", "eve"));
    utimesSync(path, 1, 1);
    clock.advance(200);
    expect(codeOf(() => identity.plain("ada", token))).toBe("unauthenticated");
  });
});

describe("a secret of many that is changed", () => {
  it("ends the sessions that came in by the old one, and no other", async () => {
    const identity = open();
    const before = [
      await speaker(identity, "ada", line("pan-token")),
      identity.plain(operatorName, line("operator-token")),
    ];
    const ends = (): readonly unknown[] => before.map(({ tokenId }) => identity.endOf(tokenId ?? "none"));
    expect(ends()).toEqual([undefined, undefined]);
    writeFileSync(data.file("pan-token"), `${"n".repeat(43)}\n`);
    clock.advance(200);
    expect(ends()).toEqual(["revoked", undefined]);
    const after = await speaker(identity, "ada", "n".repeat(43));
    expect(identity.endOf(after.tokenId ?? "none")).toBeUndefined();
    expect(JSON.stringify([before, after])).not.toContain("n".repeat(43));
    rmSync(data.file("pan-token"));
    clock.advance(200);
    expect(identity.endOf(after.tokenId ?? "none")).toBeUndefined();
  });
});
