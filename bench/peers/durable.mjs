// Servers of others whose messages lie on the disk: what writes to them, and what takes from them in batches.
import { freePort, startServer, versionOf } from "./server.mjs";
import { openWire, pump } from "./text-wire.mjs";

/** Messages of the one publisher that are not acknowledged yet, at most: with every server the same. */
export const ahead = 10_000;
/** How many are taken at a time. */
const batch = 1_000;
const count = (text, pattern) => text.match(pattern)?.length ?? 0;

/**
 * NATS with a stream in files. By default it is synced every two minutes; since 2.10 it can be told to sync each message
 * (`always`). Undefined where there is none that can do that.
 */
export async function startJetStream(sync) {
  const version = versionOf("nats-server", ["--version"], /v(\d\S*)/);
  if (version === undefined) return undefined;
  const [major, minor] = version.match(/\d+/g).map(Number);
  const knowsAlways = major > 2 || minor >= 10;
  if (sync === "always" && !knowsAlways) return undefined;
  const port = await freePort();
  const how = sync === "always" ? ", sync_interval: always" : "";
  const config = `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: "./jetstream"${how} }\n`;
  const server = await startServer({ command: "nats-server", args: ["-c"], config, ports: [port] });
  const hello = 'CONNECT {"verbose":false,"pedantic":false}\r\n';
  const say = (subject, body, reply) => `PUB ${subject} ${reply}${body.length}\r\n${body}\r\n`;
  const make = async (what, settings) => {
    const wire = await openWire(port, (text) => count(text, /^MSG made /gm));
    wire.write(`${hello}SUB made 1\r\n${say(`$JS.API.${what}`, JSON.stringify(settings), "made ")}`);
    await wire.heard(1);
    wire.close();
  };
  return {
    ...server,
    name:
      sync === "always"
        ? "JetStream (file; sync_interval always)"
        : `JetStream (file; synced every 2 min, ${knowsAlways ? "its default" : "it knows nothing else"})`,
    version,
    async fill(messages, bytes) {
      await make("STREAM.CREATE.B", { name: "B", subjects: ["b"], storage: "file", retention: "workqueue" });
      const wire = await openWire(port, (text) => count(text, /^MSG acks /gm));
      wire.write(`${hello}SUB acks 1\r\n`);
      const one = say("b", "x".repeat(bytes), "acks ");
      await pump(wire, { messages, ahead, batch: 100, one: () => one });
      wire.close();
    },
    async empty(messages) {
      const settings = { durable_name: "c", ack_policy: "explicit", max_ack_pending: batch };
      await make("CONSUMER.DURABLE.CREATE.B.c", { stream_name: "B", config: settings });
      const pull = say("$JS.API.CONSUMER.MSG.NEXT.B.c", JSON.stringify({ batch }), "taken ");
      const wire = await openWire(port, (text) => {
        const replies = [...text.matchAll(/^MSG \S+ 1 (\$JS\.ACK\S+) \d+/gm)];
        wire.write(replies.map(([, reply]) => say(reply, "+ACK", "")).join(""));
        return replies.length;
      });
      wire.write(`${hello}SUB taken 1\r\n`);
      for (let taken = 0; taken < messages; taken += batch) {
        wire.write(pull);
        await wire.heard(taken + batch);
      }
      wire.close();
    },
  };
}

/** Redis with a stream and its log on disk. `fsync`: everysec or always. Undefined where there is none. */
export async function startRedisStream(fsync) {
  const version = versionOf("redis-server", ["--version"], /v=(\S+)/);
  if (version === undefined) return undefined;
  const port = await freePort();
  const config = `bind 127.0.0.1\nport ${port}\nsave ""\nappendonly yes\nappendfsync ${fsync}\n`;
  const server = await startServer({ command: "redis-server", config, ports: [port] });
  const say = (...words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`;
  return {
    ...server,
    name: `Redis Streams (AOF, fsync ${fsync})`,
    version,
    async fill(messages, bytes) {
      const wire = await openWire(port, (text) => count(text, /^\d+-\d+\r$/gm));
      const one = say("XADD", "b", "*", "m", "x".repeat(bytes));
      await pump(wire, { messages, ahead, batch: 100, one: () => one });
      wire.close();
    },
    async empty(messages) {
      const acks = await openWire(port, (text) => count(text, /^[:+]/gm));
      acks.write(say("XGROUP", "CREATE", "b", "g", "0"));
      await acks.heard(1);
      const wire = await openWire(port, (text) => {
        const ids = text.match(/^\d+-\d+(?=\r$)/gm) ?? [];
        if (ids.length > 0) acks.write(say("XACK", "b", "g", ...ids));
        return ids.length;
      });
      for (let taken = 0; taken < messages; taken += batch) {
        wire.write(say("XREADGROUP", "GROUP", "g", "c", "COUNT", String(batch), "STREAMS", "b", ">"));
        await wire.heard(taken + batch);
      }
      acks.write(say("PING"));
      while (!acks.last.endsWith("+PONG\r\n")) await acks.heard(acks.count + 1);
      wire.close();
      acks.close();
    },
  };
}
