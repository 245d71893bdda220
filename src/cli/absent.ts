import type { Agent } from "../../clients/typescript/agent/index.js";
import { everyone, Fault, notThere, similar } from "../core/index.js";

/**
 * The broker only counts an inform that reaches nobody, but a person wants to know.
 * @throws Fault not-found, with the name that was probably meant
 */
export async function mustBeThere(speaker: Agent, to: string): Promise<void> {
  if (to === everyone) return;
  const known = to.startsWith("#") ? await speaker.rooms() : await speaker.agents();
  if (!known.some(({ name }) => name === to)) throw await absent(speaker, to);
}

/** Why a message cannot reach `to`, who is not there: the name that was probably meant, or where the names are. */
export async function absent(speaker: Agent, to: string): Promise<Fault> {
  if (to.normalize("NFC") !== to) return new Fault("not-found", notThere(to));
  const isRoom = to.startsWith("#");
  const rooms = (await speaker.rooms()).map(({ name }) => name);
  const agents = isRoom ? [] : (await speaker.agents()).map(({ name }) => name);
  // A room without its # is no agent; one letter off, agents come first.
  const meant = rooms.find((room) => room === `#${to}`) ?? similar(to, isRoom ? rooms : agents);
  const shown = meant?.replaceAll(/#[^ ]+/g, "'$&'"); // as a shell takes it
  const list = isRoom ? "broker rooms lists those there are" : "broker agents lists those who are";
  return new Fault(
    "not-found",
    `${isRoom ? `there is no room ${to}` : `no agent ${to} is here`}; ` +
      (shown === undefined ? list : `did you mean ${shown}? (${list})`),
  );
}
