import { describe, expect, it } from "vitest";
import { agentWorld } from "./kit.js";

const versions = ["1.0", "1.1", "2.0"] as const;
const capabilities = [
  [],
  ["binary"],
  ["compression"],
  ["multiplexing"],
  ["binary", "compression", "multiplexing"],
  ["webrtc", "binary"],
] as const;
const requested = [undefined, "json", "binary,json", " JSON , Binary "] as const;
const algorithms = [undefined, ["gzip"], ["deflate"], ["brotli"], ["zstd", "gzip"], ["zstd"]] as const;

const allowed: Readonly<Record<(typeof versions)[number], readonly string[]>> = {
  "1.0": [],
  "1.1": ["binary", "compression"],
  "2.0": ["binary", "compression", "multiplexing"],
};

/** Everything that can be asked for together. */
const matrix = versions.flatMap((version) =>
  capabilities.flatMap((asked) => requested.map((header) => ({ version, asked, header }))),
);

describe("what is granted (Visualisation §1.5–1.7)", () => {
  it.each(matrix)("version $version, capabilities $asked, X-Requested-Protocols $header", async (asking) => {
    const { version, asked, header } = asking;
    const mayBinary = header === undefined || header.toLowerCase().includes("binary");
    const granted = ["binary", "compression", "multiplexing"].filter(
      (each) =>
        (asked as readonly string[]).includes(each) &&
        allowed[version].includes(each) &&
        (each !== "binary" || mayBinary),
    );
    const { viewer } = agentWorld("/agents/ws", header === undefined ? {} : { "x-requested-protocols": header });
    await viewer.says({ type: "version.negotiate", supported: [version], preferred: version });
    await viewer.hears({ type: "version.selected", version });
    await viewer.says({ type: "handshake", version: "1.0.0", capabilities: asked, token: "viewing eye" });
    const { protocols, compression, capabilities: told } = await viewer.hears({ type: "handshake_ack", version });
    expect(told).toEqual(granted);
    expect(protocols).toEqual(granted.includes("binary") ? ["binary", "json"] : ["json"]);
    expect(compression).toBe(granted.includes("compression") ? "zlib" : null);
    await viewer.says({ type: "channel.create", channelId: "c" });
    if (granted.includes("multiplexing")) await viewer.hears({ type: "channel.created" });
    else expect(await viewer.hears({ type: "error" })).toMatchObject({ payload: { code: "INVALID_MESSAGE" } });
  });

  it.each(versions.flatMap((version) => algorithms.map((wanted) => ({ version, wanted }))))(
    "version $version, algorithms $wanted",
    async ({ version, wanted }) => {
      const { viewer } = agentWorld();
      await viewer.says({ type: "version.negotiate", supported: [version] });
      await viewer.says({ type: "handshake", capabilities: ["compression"], token: "viewing eye" });
      if (wanted === undefined) return;
      await viewer.says({ type: "compression.negotiate", algorithms: wanted, preferredLevel: 9 });
      const known = wanted.find((each) => each !== "zstd");
      const algorithm = version === "1.0" ? null : (known ?? null);
      const level = algorithm === null ? null : algorithm === "brotli" ? 5 : 6;
      expect(await viewer.hears({ type: "compression.selected" })).toMatchObject({ algorithm, level });
    },
  );

  it("takes level 1 for the lowest three, and the best for all else", async () => {
    const { viewer } = agentWorld();
    for (const [preferredLevel, level] of [
      [1, 1],
      [3, 1],
      [4, 6],
      [-5, 6],
      [1e9, 6],
    ]) {
      await viewer.says({ type: "compression.negotiate", algorithms: ["deflate"], preferredLevel });
      expect(await viewer.hears({ type: "compression.selected" })).toMatchObject({ level });
    }
  });
});

describe("versions (Visualisation §1.6)", () => {
  it.each([
    [{ supported: ["1.0", "1.1", "2.0"], preferred: "2.0" }, "2.0"],
    [{ supported: ["1.0", "1.1"], preferred: "1.0" }, "1.0"],
    [{ supported: ["1.0", "1.1", "3.0"], preferred: "3.0" }, "1.1"],
    [{ supported: ["2.0.0"] }, "2.0"],
    [{ supported: [], preferred: "1.1" }, "1.1"],
  ])("of %j it is %s", async (asking, version) => {
    const { viewer } = agentWorld();
    await viewer.says({ type: "version.negotiate", ...asking });
    await viewer.hears({ type: "version.selected", version });
  });

  it("has none that is known: an error that names ours, and the conversation goes on", async () => {
    const { viewer } = agentWorld();
    await viewer.says({ type: "version.negotiate", id: "v1", supported: ["9.9"], preferred: "9.9" });
    expect(await viewer.hears({ type: "error" })).toMatchObject({
      payload: {
        code: "INVALID_MESSAGE",
        message: expect.stringContaining("1.0, 1.1, 2.0") as string,
        details: { requestId: "v1", versions: ["1.0", "1.1", "2.0"] },
      },
    });
    await viewer.says({ type: "handshake", capabilities: [], token: "viewing eye" });
    await viewer.hears({ type: "handshake_ack" });
  });

  it("changes in the middle of a session: an error, and everything stays", async () => {
    const { viewer } = agentWorld();
    await viewer.says({ type: "handshake", capabilities: ["multiplexing"], token: "viewing eye" });
    await viewer.says({ type: "version.negotiate", supported: ["2.0"] });
    await viewer.hears({ type: "version.selected", version: "2.0" });
    await viewer.says({ type: "version.negotiate", supported: ["1.0"] });
    expect(await viewer.hears({ type: "error" })).toMatchObject({ payload: { code: "INVALID_MESSAGE" } });
    await viewer.says({ type: "channel.create", channelId: "still" });
    await viewer.hears({ type: "channel.created", channelId: "still" });
    await viewer.says({ type: "version.negotiate", supported: ["2.0"] });
    await viewer.hears({ type: "version.selected", version: "2.0" });
  });
});
