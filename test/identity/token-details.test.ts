import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { allScopes, Fault, defaultLimits, principal, type Principal } from "../../src/core/index.js";
import { DataDirectory, TablesMemory } from "../../src/storage/index.js";
import { PidLock } from "../../src/storage/pid-lock.js";
import { IdentityTokens, operatorName } from "../../src/identity/index.js";
import { readable, TokenFile } from "../../src/identity/token-file.js";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { refusalOf, speaker } from "../kit/speaker.js";

let data: DataDirectory;
let clock: FakeClock;
let faults: Fault[];
let proved: string[];
beforeEach(() => {
  data = new DataDirectory(mkdtempSync(join(tmpdir(), "synaptic-details-")));
  clock = new FakeClock();
  faults = [];
  proved = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(data.path, { recursive: true, force: true });
});

const ofToken = (name: string): Principal => principal(name, "proved", { proof: `token:${name}` });

function open(reserved: string[] = [], provedNamesMax = 100): IdentityTokens {
  const identity = new IdentityTokens({
    dataDirectory: data,
    clock,
    limits: { ...defaultLimits, provedNamesMax },
    reserved,
    damaged: (fault) => faults.push(fault),
  });
  identity.onProved((name) => proved.push(name));
  identity.load();
  return identity;
}

const line = (file: string): string => readFileSync(data.file(file), "utf8").trimEnd();

/** True if nothing is thrown. */
function allows(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch {
    return false;
  }
}

/** The Fault of what must fail. */
function thrownBy(run: () => unknown): Fault {
  try {
    run();
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  return expect.fail("nothing was thrown");
}

describe("a token that is refused", () => {
  it("is told what to do: which token, from which file or by which command", async () => {
    const identity = open(["boss"]);
    const zmq = await identity.issue({ kind: "zmq", subject: "ada" });
    const ws = await identity.issue({ kind: "ws", subject: "ada" });
    const pan = line("pan-token");
    for (const [attempt, message] of [
      [() => identity.plain("ada", ws), /^user name and password must be .* \(broker token ada\)$/],
      [() => identity.plain("bob", zmq), /\(broker token bob\)$/],
      [() => speaker(identity, "all", pan), /^the agent's name .*; choose another$/],
      [
        () => speaker(identity, "ada", "wrong"),
        /^the token is not valid: .*broker token NAME makes one, or, in PAN, take the shared/,
      ],
      [
        () => speaker(identity, "ada", `pan  ${ws}`),
        /^this is a token with its label .* send only what stands behind pan /,
      ],
      [() => identity.plain("ada", `zmq  ${zmq}`), /^this is a token with its label .* send only what .* behind zmq /],
      [() => speaker(identity, "ada", `${ws}\n`), /^there is white space around the token, perhaps a line break/],
      [() => speaker(identity, "ada", zmq), /^this is a ZeroMQ token; .* \(broker token ada\)$/],
      [() => speaker(identity, "bob", ws), /^this token belongs to another agent; /],
      [() => speaker(identity, "boss", pan), /^the name boss belongs to .* \(broker token boss\) or another name$/],
      [() => speaker(identity, operatorName, pan), new RegExp(`^the name ${operatorName} needs .* operator-token in `)],
    ] as const)
      await expect(Promise.resolve().then(attempt)).rejects.toThrow(message);
  });

  it("is none that could be made: the name says why", async () => {
    const identity = open();
    const make = (subject: string): Promise<string> => identity.issue({ kind: "zmq", subject });
    await expect(make("all")).rejects.toThrow(/^no token can be made for all: the name ./);
    await expect(make(operatorName)).rejects.toThrow(/the name is the operator's, .* operator-token$/);
  });

  it("of a file that is damaged, empty or cannot be read names the file and the remedy, once", () => {
    const path = data.file("tokens.json");
    writeFileSync(path, "{");
    const damaged = thrownBy(() => open());
    expect(damaged.message).toContain(`${path} is damaged: mend it, or delete it and issue the tokens anew`);
    expect([damaged.code, damaged.cause]).toEqual(["unavailable", new SyntaxError((damaged.cause as Error).message)]);
    rmSync(path);
    writeFileSync(data.file("pan-token"), "\n");
    expect(() => open()).toThrow(/^\S*pan-token is empty: delete it/);
    const thrown = "no words" as unknown as Error;
    expect(() =>
      readable("/x", () => {
        throw thrown;
      }),
    ).toThrow(/^\/x cannot be read: no words; move it away and try again$/);
    expect(() =>
      readable("/x", () => {
        throw Object.assign(new Error("EACCES: no"), { code: "EACCES" });
      }),
    ).toThrow(/^\/x cannot be read: EACCES: no; give it to the user that runs the broker \(chown\), with mode 0600$/);
    const cause = new Error("EIO");
    const unread = thrownBy(() =>
      readable("/x", () => {
        throw cause;
      }),
    );
    expect([unread.code, unread.cause]).toEqual(["unavailable", cause]);
  });
});

describe("who is let in by a token", () => {
  it("is called as it asked, or by its name, whichever token it shows", async () => {
    const identity = open();
    const own = await identity.issue({ kind: "ws", subject: "eve" });
    for (const [name, token] of [
      ["ada", line("pan-token")],
      ["eve", own],
    ] as const) {
      expect((await speaker(identity, name, token, "Her")).displayName).toBe("Her");
      expect((await speaker(identity, name, token)).displayName).toBe(name);
    }
  });

  it("proves an owner, equal for all tokens of one agent, and shows which token it was without telling it", async () => {
    const identity = open();
    const tokens = [
      await identity.issue({ kind: "ws", subject: "ada" }),
      await identity.issue({ kind: "ws", subject: "ada" }),
    ];
    const shown = await Promise.all(tokens.map((token) => speaker(identity, "ada", token)));
    expect(shown.map(({ proof }) => proof)).toEqual(["token:ada", "token:ada"]);
    expect(shown.map(({ tokenId }) => tokenId)).toEqual(tokens.map((token) => identity.listing(token)?.id));
    const operator = identity.plain(operatorName, line("operator-token"));
    expect(operator.proof).toBe("token:operator");
    expect(operator.tokenId).toMatch(/^operator-token:[0-9a-f]{16}$/);
    const shared = await speaker(identity, "bob", line("pan-token"));
    expect(shared.tokenId).toMatch(new RegExp(`^${basename(data.file("pan-token"))}:[0-9a-f]{16}$`));
    expect([operator.tokenId, shared.tokenId].map((id) => identity.endOf(id ?? ""))).toEqual([undefined, undefined]);
    expect(identity.endOf("pan-token:0000000000000000")).toBe("revoked");
  });

  it("has the rights that its token was made with, in every process", async () => {
    const scopes = allScopes;
    const maker = open();
    const tokens = await Promise.all(
      scopes.map((scope) => maker.issue({ kind: "zmq", subject: "ada", scopes: [scope] })),
    );
    const other = open();
    expect(tokens.map((token) => [...other.plain("ada", token).scopes])).toEqual(scopes.map((scope) => [scope]));
  });

  it("may carry the names of its proxy tokens, not those of another token of its own", async () => {
    const identity = open();
    const relay = await identity.issue({ kind: "zmq", subject: "relay", scopes: ["proxy"], names: ["a"] });
    await identity.issue({ kind: "zmq", subject: "relay", scopes: ["observe"], names: ["b"] });
    await identity.issue({ kind: "zmq", subject: "relay", scopes: ["proxy"] });
    const speaker = identity.plain("relay", relay);
    expect([...identity.proxied(speaker)]).toEqual(["a"]);
    const other = new IdentityTokens({
      dataDirectory: data,
      clock,
      limits: defaultLimits,
      reserved: [],
      damaged: (fault) => faults.push(fault),
    });
    expect([...other.proxied(speaker)], "in a process that has read nothing yet").toEqual(["a"]);
    expect([...other.proxied({ ...speaker, scopes: new Set() })]).toEqual([]);
  });
});

describe("protected names", () => {
  it("are counted: reserved ones, those seen proved, and those with a token", async () => {
    const identity = open(["boss", "chief", "boss"]);
    await identity.issue({ kind: "zmq", subject: "ada" });
    for (const name of ["x", "y", "z"]) {
      void identity.remember(ofToken(name), "ipc");
      identity.proved(name);
    }
    expect(identity.protectedCount).toBe(2 + 3 + 1);
    expect(proved).toEqual(["x", "y", "z"]);
    const late = open();
    await identity.issue({ kind: "zmq", subject: "bob" });
    clock.advance(200);
    expect(late.protectedCount).toBe(2);
  });

  it("are kept in the table of their own", async () => {
    const tables = new TablesMemory();
    const identity = new IdentityTokens({
      dataDirectory: data,
      clock,
      limits: defaultLimits,
      reserved: [],
      tables,
      damaged: (fault) => faults.push(fault),
    });
    identity.load();
    void identity.remember(ofToken("ada"), "ipc");
    await Promise.resolve();
    expect([...tables.table<number>("proved-names").range("", "z")].map(([name]) => name)).toEqual(["ada"]);
  });
});

describe("the files of tokens", () => {
  it("are looked at every 200 ms and no more often, but at once for a token that is not known", async () => {
    const [broker, other] = [open(), open()];
    const token = await other.issue({ kind: "zmq", subject: "ada" });
    const second = await other.issue({ kind: "zmq", subject: "ada" });
    expect(broker.plain("ada", token).agent).toBe("ada");
    await other.revoke("ada");
    clock.advance(199);
    expect(broker.plain("ada", second).agent).toBe("ada");
    clock.advance(1);
    expect(() => broker.plain("ada", second)).toThrow("broker token ada");
    expect(broker.endOf("none")).toBe("revoked");
  });

  it("say at every door what they said until the 200 ms are over", async () => {
    const identity = open();
    const [pan, operator] = [line("pan-token"), line("operator-token")];
    const relay = await identity.issue({ kind: "zmq", subject: "relay", scopes: ["proxy"], names: ["a"] });
    const speaker = identity.plain("relay", relay);
    const lets = async (token: string): Promise<boolean> => (await refusalOf(identity, "ada", token)) === undefined;
    const now = async (): Promise<unknown[]> => [
      (await Promise.all([pan, "p".repeat(43)].map(lets))).filter((isIn) => isIn).length,
      allows(() => identity.plain(operatorName, operator)),
      [...identity.proxied(speaker)],
      identity.protectedCount,
      identity.isProtected("relay"),
      identity.endOf(speaker.tokenId ?? ""),
    ];
    clock.advance(200);
    const before = await now();
    expect(before).toEqual([1, true, ["a"], 1, true, undefined]);
    for (const file of ["pan-token", "operator-token"])
      writeFileSync(data.file(file), `${file[0]?.repeat(43) ?? ""}\n`);
    writeFileSync(data.file("tokens.json"), '{"tokens":[]}');
    clock.advance(199);
    expect(await lets(pan)).toBe(true);
    expect(allows(() => identity.plain(operatorName, operator))).toBe(true);
    expect([identity.protectedCount, identity.isProtected("relay"), [...identity.proxied(speaker)]]).toEqual([
      1,
      true,
      ["a"],
    ]);
    expect(identity.endOf(speaker.tokenId ?? "")).toBeUndefined();
    clock.advance(1);
    expect(await now()).toEqual([1, false, [], 0, false, "revoked"]);
    expect(await lets(pan)).toBe(false);
  });

  it("that are damaged a second time are told of a second time", () => {
    const identity = open();
    const path = data.file("tokens.json");
    for (const text of ["{", '{"tokens":[]}', "{"]) {
      writeFileSync(path, text);
      clock.advance(200);
      identity.isProtected("ada");
    }
    expect(faults.map(({ message }) => message.startsWith(`${path} is damaged`))).toEqual([true, true]);
  });

  it("hold what a person can read: ids of 16 hex digits, one line per field, the listing oldest first", async () => {
    const identity = open();
    const token = await identity.issue({ kind: "zmq", subject: "ada", scopes: ["proxy"], names: ["a"], ttlMs: 5_000 });
    clock.advance(1);
    await identity.issue({ kind: "ws", subject: "bob" });
    const text = readFileSync(data.file("tokens.json"), "utf8");
    expect(text).toMatch(/^\{\n {2}"tokens": \[\n[^]*\]\n\}\n$/);
    const file = JSON.parse(text) as { tokens: object[] };
    writeFileSync(data.file("tokens.json"), JSON.stringify({ tokens: file.tokens.reverse() }));
    const listed = identity.list();
    expect(listed).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
        kind: "zmq",
        subject: "ada",
        scopes: ["proxy"],
        names: ["a"],
        issuedAt: clock.now() - 1,
        expiresAt: clock.now() - 1 + 5_000,
      },
      { id: expect.any(String) as string, kind: "ws", subject: "bob", scopes: [], issuedAt: clock.now() },
    ]);
    expect(listed.map((listing) => Object.keys(listing).length)).toEqual([7, 5]);
    expect(identity.listing(token)).toEqual(listed[0]);
    expect(identity.listing(`${token}x`)).toBeUndefined();
  });

  it("are written by one process at a time: another waits for two seconds, then says who is writing", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    const path = data.file("tokens.json");
    const file = new TokenFile(path, clock);
    const add = (): Promise<string> => file.add({ kind: "zmq", subject: "ada", scopes: [] });
    const lock = await PidLock.take(`${path}.lock`);
    if (!(lock instanceof PidLock)) expect.fail("the lock is held");
    const message = expect.stringContaining(`process ${String(process.pid)} is writing ${path}; try again`) as string;
    const refused = expect(add()).rejects.toMatchObject({ code: "unavailable", message });
    await vi.advanceTimersByTimeAsync(2_000);
    await refused;
    const patient = add();
    await vi.advanceTimersByTimeAsync(1_979);
    lock.release();
    await vi.advanceTimersByTimeAsync(20);
    expect(file.find(await patient)?.subject).toBe("ada");
    expect(file.find(await add())?.subject).toBe("ada");
  });

  it("are read once for each change: a file that has not changed is not read again", async () => {
    const path = data.file("tokens.json");
    const file = new TokenFile(path, clock);
    const token = await file.add({ kind: "zmq", subject: "ada", scopes: [] });
    const parse = vi.spyOn(JSON, "parse");
    file.refresh();
    expect(parse).not.toHaveBeenCalled();
    expect([file.subjects, file.of("ada").length, file.of("bob").length]).toEqual([1, 1, 0]);
    rmSync(path);
    file.refresh();
    expect([file.find(token), file.subjects, file.of("ada").length]).toEqual([undefined, 0, 0]);
    parse.mockRestore();
  });
});
