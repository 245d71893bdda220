import { setTimeout as pause } from "node:timers/promises";
import type { Broker } from "../../broker.js";
import type { Log } from "../../core/index.js";
import { openCast, room } from "./cast.js";
import { scenes, sleeperScene } from "./scenes.js";

/** How long a scene waits after the one before, milliseconds. */
const eachMs = 1_500;

/** A handful of agents that talk to each other, so that a first look at the broker shows something. */
export interface Demo {
  /** Who they are, in words. */
  readonly line: string;
  /** They leave, and nothing of them is left behind. */
  stop(): Promise<void>;
}

/**
 * Lets agents in all dialects talk: a room, requests, a vote, letters to somebody asleep, a refusal. Their names are
 * marked in what viewers see.
 * @throws Fault unsupported: a door is missing that they need
 */
export async function startDemo(broker: Broker, log: Log): Promise<Demo> {
  const cast = await openCast(
    broker,
    (name) => {
      broker.markDemo(name);
    },
    (thrown) => {
      log("debug", "an agent of the demo could not speak", { error: String(thrown) });
    },
  );
  const over = new AbortController();
  const { signal } = over;
  /** Never rejects: what one scene meets ends that scene. */
  const play = async (scene: (signal: AbortSignal) => Promise<unknown>): Promise<void> => {
    try {
      await scene(signal);
    } catch (thrown) {
      if (!signal.aborted) log("debug", "a scene of the demo has failed", { error: String(thrown) });
    }
  };
  const inTurn = async (): Promise<void> => {
    const all = scenes(cast);
    for (let at = 0; !signal.aborted; at += 1) {
      const scene = all[at % all.length];
      if (scene !== undefined) await play(scene);
      await pause(eachMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const acts = [inTurn(), play((until) => sleeperScene(broker, cast.names.sleeper, until))];
  return {
    line: `Demo: six agents in all dialects talk to each other, in ${room} and alone: broker top. They leave with the broker.`,
    async stop() {
      over.abort();
      await Promise.all(acts);
      await cast.close();
    },
  };
}
