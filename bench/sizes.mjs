// What is no rate: memory of idle sessions, and how long a start takes.
import { drive, ofOwnProcess, startBroker } from "./processes.mjs";
import { median, sizeTable } from "./report.mjs";
import { startNetwork } from "./network.mjs";
import { startNats } from "./peers/nats.mjs";

const fresh = 3;

/**
 * Medians over servers that have taken nothing before: what a process has taken hides what it takes now. undefined
 * where `start` finds none.
 */
async function held(start, proto, subscribers) {
  const [bytes, backMs] = [[], []];
  for (let time = 0; time < fresh; time += 1) {
    const server = await start();
    if (server === undefined) return undefined;
    try {
      process.stderr.write(`${subscribers} idle sessions (${proto}), ${time + 1} of ${fresh}\n`);
      const { perSession, openedMs } = await drive(server, {
        mode: "idle",
        proto,
        subscribers,
        seconds: 1,
        prefix: proto === "network" ? "net" : "idle",
      });
      bytes.push(perSession);
      backMs.push((server.readyMs ?? 0) + openedMs);
    } finally {
      await server.stop();
    }
  }
  return { bytes: median(bytes), backMs: median(backMs) };
}

const sessions = {
  name: "sizes: idle sessions",
  needs: [],
  async measure({ quick }) {
    const subscribers = quick ? 1_000 : 10_000;
    const ours = await held(startBroker, "pan", subscribers);
    const theirs = await held(startNats, "nats", subscribers);
    return [
      {
        what: `an idle session of ${subscribers}, KB`,
        ours: ours.bytes / 1_000,
        theirs: theirs && theirs.bytes / 1_000,
        target: "≤ 12",
        met: ours.bytes <= 12_000,
      },
      {
        what: `${subscribers} sessions back after a restart, s`,
        ours: ours.backMs / 1_000,
        theirs: undefined,
        target: "≤ 10",
        met: ours.backMs <= 10_000,
      },
    ];
  },
};

const networkSessions = {
  name: "sizes: idle sessions of Agent Network",
  needs: [],
  async measure({ quick }) {
    const subscribers = quick ? 1_000 : 10_000;
    const pan = await held(startBroker, "pan", subscribers);
    // Users of another issuer have their names from their first login on; what a session takes is asked.
    const idle = { mode: "idle", proto: "network", subscribers, seconds: 1, prefix: "net" };
    const ours = await held(
      async () => {
        const first = await startNetwork(subscribers);
        await drive(first.network, idle);
        return { ...(await first.restart()), token: first.network.token };
      },
      "network",
      subscribers,
    );
    return [
      {
        what: `an idle session of Agent Network of ${subscribers}, of users that were here before, KB`,
        ours: ours.bytes / 1_000,
        theirs: undefined,
        target: `≤ ${((1.2 * pan.bytes) / 1_000).toFixed(1)} (1.2 × PAN)`,
        met: ours.bytes <= 1.2 * pan.bytes,
      },
    ];
  },
};

const logins = {
  name: "sizes: logins by JWT",
  needs: [],
  async measure({ quick, rounds }) {
    const rows = [];
    const beside = (what, ours) => rows.push({ what, ours, theirs: undefined, target: "–" });
    const judged = (what, ours) => rows.push({ what, ours, theirs: undefined, target: "≤ 2", met: ours <= 2 });
    for (const algorithm of ["EdDSA", "RS256"]) {
      process.stderr.write(`logins by ${algorithm}\n`);
      const tokens = quick ? 100 : 500;
      const verified = await ofOwnProcess("verify-loop", [algorithm, tokens]);
      judged(
        `verifying a JWT (${algorithm}), the longest of ${tokens}: ms of the loop's CPU, in all its turns`,
        verified.longest,
      );
      const told = await ofOwnProcess("login-loop", [algorithm, 50, quick ? 2 : 4, rounds]);
      const longest = (kind, figure) => Math.max(...told[kind].map((round) => round[figure]));
      judged(
        `50 logins a second by JWT (${algorithm}): turns of the loop, ms, p99`,
        median(told.jwt.map(({ lateP99 }) => lateP99)),
      );
      for (const [kind, who] of [
        ["jwt", `by JWT (${algorithm})`],
        ["opaque", "by opaque tokens"],
        ["none", "none"],
      ]) {
        beside(`logins, ${who}: the longest turn, ms by the clock`, longest(kind, "lateLongest"));
        beside(
          `logins, ${who}: the longest collection of garbage, ms by the clock`,
          longest(kind, "longestCollection"),
        );
      }
    }
    return rows;
  },
};

const start = {
  name: "sizes: start",
  needs: [],
  async measure({ rounds }) {
    const ready = [];
    for (let time = 0; time < rounds * 2 + 1; time += 1) {
      const started = await startBroker();
      ready.push(started.readyMs);
      await started.stop();
    }
    return [
      {
        what: "start to ready, ms",
        ours: median(ready),
        theirs: undefined,
        target: "≤ 300",
        met: median(ready) <= 300,
      },
    ];
  },
};

export const sizes = { parts: [sessions, networkSessions, logins, start], page: (rows) => sizeTable(rows) };
