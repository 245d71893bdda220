import { SecureAgentSocket, type Message, type SocketOptions } from "../../clients/typescript/agent-network/index.js";
import type { SecurityEvent } from "../../clients/typescript/agent-network/index.js";
import type { BrokerOptions } from "../../src/index.js";
import { Heard } from "./network-clients.js";
import { NetworkWorld } from "./network-world.js";

/** An agent with the client of Agent Network, and what it has heard and was told. */
export class Party {
  readonly socket: SecureAgentSocket;
  readonly heard = new Heard<Message>();
  readonly events = new Heard<SecurityEvent>();
  readonly errors: Error[] = [];
  readonly opens = new Heard<true>();

  constructor(socket: SecureAgentSocket) {
    this.socket = socket;
    socket.onMessage = (message) => {
      if (message.senderId !== "system") this.heard.add(message);
    };
    socket.onSecurityEvent = (event) => {
      this.events.add(event);
    };
    socket.onError = (error) => {
      this.errors.push(error);
    };
    socket.onOpen = () => {
      this.opens.add(true);
    };
  }

  get agent(): string {
    return this.socket.agentId;
  }

  /** The next message that says this. */
  hears(text: string): Promise<Message> {
    return this.heard.next(({ content }) => content["text"] === text);
  }

  /** All texts of INFORMs so far, in their order. */
  get texts(): readonly unknown[] {
    return this.heard.all.filter(({ messageType }) => messageType === "INFORM").map(({ content }) => content["text"]);
  }
}

/** A broker, and agents with the client of Agent Network; all of it goes with `stop`. */
export class PartyWorld {
  readonly world: NetworkWorld;
  // bound: what one test opens · evicts: nothing, it goes with its world · owner: PartyWorld
  readonly #parties: Party[] = [];

  private constructor(world: NetworkWorld) {
    this.world = world;
  }

  static async start(options: BrokerOptions = {}): Promise<PartyWorld> {
    return new PartyWorld(await NetworkWorld.start(options));
  }

  get url(): string {
    return this.world.url;
  }

  /** An agent that is not connected yet. */
  async party(agentId: string, options: SocketOptions = {}, url = this.url): Promise<Party> {
    const token = await this.world.token(agentId);
    return this.keep(new Party(new SecureAgentSocket(url, token, agentId, options)));
  }

  /** One that is. */
  async login(agentId: string, options: SocketOptions = {}, url = this.url): Promise<Party> {
    const party = await this.party(agentId, options, url);
    await party.socket.connect();
    return party;
  }

  /** Closes it at the end of the test. */
  keep(party: Party): Party {
    this.#parties.push(party);
    return party;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parties.splice(0).map(({ socket }) => socket.close()));
    await this.world.stop();
  }
}
