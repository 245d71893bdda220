// The same positions in each form, and how large they are.
import { encodePositions } from "../../dist/bridges/visualisation/binary/index.js";
import { compress } from "../../dist/bridges/visualisation/compression.js";

const packings = [
  ["deflate", 1],
  ["deflate", 6],
  ["gzip", 6],
  ["brotli", 5],
];

/**
 * Bytes for each position as JSON (float32, not rounded), in binary, and what compression saves of either, %.
 * @param frames JSON messages `agent.positions`, as base64
 */
export function bytesOfForms(frames) {
  const sum = { positions: 0, json: 0, binary: 0 };
  const saved = packings.map(([algorithm, level]) => ({ name: `${algorithm} ${level}`, json: 0, binary: 0 }));
  for (const frame of frames) {
    const json = Buffer.from(frame, "base64");
    const { type, payload } = JSON.parse(String(json));
    if (type !== "agent.positions") continue;
    const { agents } = payload;
    const ids = Uint32Array.from(agents, ({ id }) => id);
    const values = Float32Array.from(agents.flatMap(({ x, y, z, vx, vy, vz }) => [x, y, z, vx, vy, vz]));
    const binary = Buffer.concat(encodePositions(ids, values, undefined));
    sum.positions += agents.length;
    sum.json += json.length;
    sum.binary += binary.length;
    for (const [at, [algorithm, level]] of packings.entries()) {
      saved[at].json += compress(algorithm, level, json).length;
      saved[at].binary += compress(algorithm, level, binary).length;
    }
  }
  const share = (part, whole) => 100 * (1 - part / whole);
  return {
    positionsPerFrame: sum.positions / frames.length,
    json: sum.json / sum.positions,
    binary: sum.binary / sum.positions,
    smaller: share(sum.binary, sum.json),
    packed: saved.map(({ name, json, binary }) => ({
      name,
      json: share(json, sum.json),
      binary: share(binary, sum.binary),
    })),
  };
}
