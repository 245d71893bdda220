import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  catalogueOf,
  configSchema,
  problemsOf,
  readLayers,
  type BrokerOptions,
  type Layered,
} from "../../src/config/index.js";

describe("the configuration in layers", () => {
  let dataDir: string;
  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "synaptic-config-"));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });

  function read(flags: BrokerOptions = {}, env: NodeJS.ProcessEnv = {}, file?: string): Layered {
    return readLayers({ flags, env, file, resolveDataDir: (told) => told ?? dataDir });
  }

  function write(options: unknown, name = "config.json"): string {
    const path = join(dataDir, name);
    writeFileSync(path, typeof options === "string" ? options : JSON.stringify(options));
    return path;
  }

  it("takes flags over variables over the file over defaults, and knows who said what", () => {
    const file = write({
      ws: ["127.0.0.1:1"],
      zmqAuth: "required",
      serverName: "file",
      limits: { wsPingMs: 1, stuckMs: 2 },
    });
    const {
      config,
      originOf,
      file: told,
    } = read(
      { ws: ["127.0.0.1:3"] },
      { SYNAPTIC_WS: "127.0.0.1:2", SYNAPTIC_ZMQ_AUTH: "none", SYNAPTIC_LIMIT_WS_PING_MS: "7" },
    );
    expect(config).toMatchObject({ ws: ["127.0.0.1:3"], zmqAuth: "none", serverName: "file", insecure: false });
    expect([config.limits.wsPingMs, config.limits.stuckMs, config.limits.roomsMax]).toEqual([7, 2, 50_000]);
    expect(
      ["ws", "zmqAuth", "serverName", "insecure", "limits.wsPingMs", "limits.stuckMs", "limits.roomsMax"].map(originOf),
    ).toEqual(["flag", "environment", "file", "default", "environment", "file", "default"]);
    expect(told).toBe(file);
  });

  it("reads every kind of variable", () => {
    const { config } = read(
      {},
      {
        SYNAPTIC_TOPICS: "prices, news",
        SYNAPTIC_OWN_DOORS: "pan=127.0.0.1:1,agentchat=127.0.0.1:2",
        SYNAPTIC_INSECURE: "yes",
        SYNAPTIC_BEHIND_PROXY: "0",
        SYNAPTIC_AGENTCHAT_IDENTITY: "strict",
        SYNAPTIC_LIMIT_PAN_RATE_PER_SECOND: "0.5",
        SYNAPTIC_ROOMS: "",
        HOME: "/",
      },
    );
    expect(config).toMatchObject({
      topics: ["prices", "news"],
      ownDoors: { pan: "127.0.0.1:1", agentchat: "127.0.0.1:2" },
      insecure: true,
      behindProxy: false,
      settings: { agentchat: { identity: "strict", signatures: "lenient" } },
      rooms: [],
    });
    expect(config.limits.panRatePerSecond).toBe(0.5);
  });

  it("lets editors find the description of the file", () => {
    write({ $schema: "./schemas/config.json", serverName: "described" });
    expect(read().config.serverName).toBe("described");
  });

  it("reads the file that is named, and the data directory's only if none is", () => {
    write({ serverName: "usual" });
    const named = write({ serverName: "named" }, "mine.json");
    expect(read().config.serverName).toBe("usual");
    expect(read({}, {}, named).config.serverName).toBe("named");
    expect(read({}, { SYNAPTIC_CONFIG: named }).config.serverName).toBe("named");
    rmSync(join(dataDir, "config.json"));
    expect(read().file).toBeUndefined();
  });

  it.each<[string, BrokerOptions, NodeJS.ProcessEnv, unknown, RegExp]>([
    ["a flag", { ws: ["8080"] }, {}, undefined, /^--ws: must be written as HOST:PORT; it is "8080"$/],
    ["a port out of range", { ws: ["127.0.0.1:70000"] }, {}, undefined, /^--ws: must have a port from 0 to 65535/],
    [
      "a variable",
      {},
      { SYNAPTIC_ZMQ_AUTH: "maybe" },
      undefined,
      /^SYNAPTIC_ZMQ_AUTH: must be one of none, optional, required$/,
    ],
    [
      "a variable that is no number",
      {},
      { SYNAPTIC_LIMIT_WS_PING_MS: "soon" },
      undefined,
      /^SYNAPTIC_LIMIT_WS_PING_MS: must be a number$/,
    ],
    [
      "a variable that is no switch",
      {},
      { SYNAPTIC_INSECURE: "perhaps" },
      undefined,
      /^SYNAPTIC_INSECURE: must be true or false; it is "perhaps"$/,
    ],
    [
      "a variable that is none of ours",
      {},
      { SYNAPTIC_PORT: "1" },
      undefined,
      /^SYNAPTIC_PORT: there is no such option; a variable is SYNAPTIC_ and/,
    ],
    [
      "a variable that is nearly one of ours",
      {},
      { SYNAPTIC_TLSCERT: "x" },
      undefined,
      /^SYNAPTIC_TLSCERT: there is no such option; did you mean SYNAPTIC_TLS_CERT\?/,
    ],
    [
      "a variable with a letter too many",
      {},
      { SYNAPTIC_WSS: "x" },
      undefined,
      /^SYNAPTIC_WSS: there is no such option; did you mean SYNAPTIC_WS\?/,
    ],
    [
      "a door without a host, once",
      { ws: [":8080"] },
      {},
      undefined,
      /^--ws: must be written as HOST:PORT; it is ":8080"$/,
    ],
    ["a door without a port, once", { ws: ["127.0.0.1"] }, {}, undefined, /^--ws: [^\n]*; it is "127\.0\.0\.1"$/],
    [
      "a ZeroMQ door without a port, once",
      { zmqIn: ["tcp://127.0.0.1"] },
      {},
      undefined,
      /^--zmq-in: must be written as [^\n]*; it is "tcp:\/\/127\.0\.0\.1"$/,
    ],
    ["an origin without a scheme, once", { origins: ["foo"] }, {}, undefined, /^--origin: [^\n]*; it is "foo"$/],
    [
      "a proxy that is no address",
      { trustedProxies: ["10.0.0.300"] },
      {},
      undefined,
      /^--trusted-proxy: .*; it is "10\.0\.0\.300"$/,
    ],
    ["a room without #", { rooms: ["lab"] }, {}, undefined, /^--keep-room: must be a room: .*; it is "lab"$/],
    ["a host with a path", { hosts: ["a/b"] }, {}, undefined, /^--host: .*; it is "a\/b"$/],
    [
      "a reserved name",
      { reserved: ["all"] },
      {},
      undefined,
      /^--reserve: must not be a name that is reserved.*; it is "all"$/,
    ],
    [
      "doors of both kinds that strangers reach",
      { ws: ["0.0.0.0:1"], zmqIn: ["tcp://0.0.0.0:2"] },
      {},
      undefined,
      /tcp:\/\/0\.0\.0\.0:2 can be reached[^]*\nws 0\.0\.0\.0:1 can be reached/,
    ],
    [
      "a line of the file",
      {},
      {},
      { limits: { wsPingMs: "soon" } },
      /config\.json: limits\.wsPingMs: must be a number$/,
    ],
    [
      "a key that there is not",
      {},
      {},
      { port: 1 },
      /config\.json: port: there is nothing of this name; broker config schema lists/,
    ],
    [
      "a limit that there is not",
      { limits: Object.fromEntries([["wsPing", 1]]) },
      {},
      undefined,
      /^--limit wsPing: there is nothing of this name; did you mean wsPingMs\?$/,
    ],
    [
      "a limit of which only the beginning is right",
      { limits: Object.fromEntries([["panRate", 3]]) },
      {},
      undefined,
      /^--limit panRate: there is nothing of this name; did you mean panRatePerSecond or panRateBurst\?$/,
    ],
    [
      "a limit that is like none",
      { limits: Object.fromEntries([["speed", 1]]) },
      {},
      undefined,
      /^--limit speed: there is nothing of this name; broker config schema lists/,
    ],
    [
      "a key nearly right",
      {},
      {},
      { host: ["a"] },
      /config\.json: host: there is nothing of this name; did you mean hosts\?/,
    ],
    [
      "a limit nearly right",
      {},
      {},
      { limits: { panRatePerSeconds: 1 } },
      /config\.json: limits\.panRatePerSeconds: .*; did you mean panRatePerSecond\?/,
    ],
    ["a file that is not JSON", {}, {}, "{", /config\.json is not JSON/],
    ["a file that is a list", {}, {}, "[]", /config\.json must hold one JSON object/],
    [
      "a port out of range on ZeroMQ",
      { zmqIn: ["tcp://127.0.0.1:70000"] },
      {},
      undefined,
      /^--zmq-in: must have a port from 0 to 65535/,
    ],
    [
      "one door twice",
      { ws: ["127.0.0.1:7", "127.0.0.1:7"] },
      {},
      undefined,
      /^--ws: 127\.0\.0\.1:7 is asked for twice; give each door a port of its own/,
    ],
    [
      "a door on another's port",
      { zmqOut: ["tcp://localhost:7"] },
      { SYNAPTIC_WS: "127.0.0.1:7" },
      undefined,
      /^SYNAPTIC_WS: 127\.0\.0\.1:7 is asked for beside --zmq-out tcp:\/\/localhost:7; give/,
    ],
    [
      "a door on a port that is usually another's",
      { ownDoors: { pan: "127.0.0.1:5555" } },
      {},
      undefined,
      /^--own: 127\.0\.0\.1:5555 is asked for beside --zmq-in tcp:\/\/127\.0\.0\.1:5555/,
    ],
    ["half a pair for TLS", { tlsCert: "x" }, {}, undefined, /--tls-cert and --tls-key belong together/],
    [
      "a network that is none",
      { trustedProxies: ["10.0.0.0/64"] },
      {},
      undefined,
      /--trusted-proxy: must be an IP address, or a network/,
    ],
    [
      "an origin that is none",
      { origins: ["https://a:99999"] },
      {},
      undefined,
      /--origin: must be written as https:\/\/HOST/,
    ],
    [
      "an origin with a path",
      { origins: ["https://a/b"] },
      {},
      undefined,
      /--origin: must be written as https:\/\/HOST/,
    ],
    [
      "a door that strangers reach",
      { ws: ["0.0.0.0:1"] },
      {},
      undefined,
      /without TLS.*--tls-cert.*--behind-proxy.*--insecure/,
    ],
  ])("refuses %s, by the name that its author gave it", (_what, flags, env, file, words) => {
    if (file !== undefined) write(file);
    expect(() => read(flags, env)).toThrow(words);
  });

  it("tells everything that is wrong at once, a line each", () => {
    const file = write({ port: 1, depth: 2, limits: { wsPingMs: "soon" } });
    let thrown: unknown;
    try {
      read({ ws: ["8080"] }, { SYNAPTIC_PORT: "1", SYNAPTIC_INSECURE: "perhaps" });
    } catch (error) {
      thrown = error;
    }
    expect(problemsOf(thrown)).toEqual([
      expect.stringMatching(/^SYNAPTIC_PORT: /),
      expect.stringMatching(/^SYNAPTIC_INSECURE: /),
      expect.stringMatching(/^--ws: /),
      expect.stringContaining(`${file}: limits.wsPingMs: must be a number`),
      expect.stringContaining(`${file}: port: `),
      expect.stringContaining(`${file}: depth: `),
    ]);
    expect(String(thrown).split("\n")).toHaveLength(6);
  });

  it("gives every option a description for the file's schema", () => {
    const { properties } = configSchema() as {
      properties: Record<string, { description?: string; default?: unknown }>;
    };
    expect(Object.entries(properties).filter(([, { description }]) => description === undefined)).toEqual([]);
    expect(Object.keys(properties).sort()).toEqual(
      ["$schema", ...Object.keys(catalogueOf().schema.shape).filter((name) => name !== "log")].sort(),
    );
    expect(properties["serverName"]?.default).toBeUndefined(); // this machine's name
  });

  it("says so when a named file is not there", () => {
    expect(() => read({}, {}, join(dataDir, "none.json"))).toThrow(
      /there is no file .*none\.json; give another --config, or none/,
    );
  });
});
