import { brokerTopic } from "./core/index.js";
import type { DeskCoordination } from "./desk/index.js";
import {
  ConsensusCoordinator,
  Coordinations,
  type CoordinationsOptions,
  type CoordinatorOptions,
} from "./telemetry/coordination/index.js";

/** Coordinations that agents announce, and those that the broker runs. */
export interface CoordinationParts extends DeskCoordination {
  readonly coordinations: Coordinations;
  /** What `from` owes `to`, where that is the broker: the oldest vote that it has not given. */
  owed(from: string, to: string): string | undefined;
  /** Cancels all timers. */
  close(): void;
}

/** Builds what the broker needs for coordinations. Nothing is told before somebody starts one. */
export function assembleCoordination(
  options: Omit<CoordinationsOptions, "clock" | "ledger" | "isHidden"> & Omit<CoordinatorOptions, "coordinations">,
): CoordinationParts {
  const { clock, ledger } = options.exchange;
  const { limits, directory } = options;
  const isHidden = (agent: string): boolean => directory.contacts.isListedName(agent);
  const coordinations = new Coordinations({ clock, ledger, limits, isHidden });
  const coordinator = new ConsensusCoordinator({ ...options, coordinations });
  return {
    coordinator,
    coordinations,
    owed: (from, to) => (to === brokerTopic ? coordinator.owed(from) : undefined),
    close: () => {
      coordinator.close();
    },
  };
}
