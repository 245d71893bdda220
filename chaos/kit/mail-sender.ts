import { PlainAgent } from "../../test/kit/plain-agent.js";
import type { MailTally } from "./mail-tally.js";
import type { Course } from "./scenario.js";

/** What {@link MailSender} says, and to whom. */
export interface Saying {
  readonly owners: readonly string[];
  readonly everyMs: number;
  readonly token?: string;
  /** Is called each time before it speaks. */
  readonly beat?: () => void;
}

/** A plain ZeroMQ agent that says something to each owner again and again, and notes what it is told of it. */
export class MailSender {
  /** What it was told and is no receipt. */
  readonly problems: string[] = [];
  readonly #agent: PlainAgent;
  readonly #tally: MailTally;
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(agent: PlainAgent, tally: MailTally, { owners, everyMs, beat }: Saying) {
    this.#agent = agent;
    this.#tally = tally;
    this.#timer = setInterval(() => {
      this.read();
      beat?.();
      for (const owner of owners) this.#say(owner);
    }, everyMs);
  }

  /** It speaks from now on, until {@link hush} or the end of the scenario. */
  static async start(
    course: Course,
    doors: { readonly zmqIn: string; readonly zmqOut: string },
    tally: MailTally,
    saying: Saying,
  ): Promise<MailSender> {
    const { token } = saying;
    const agent = await new PlainAgent("zed", doors, token === undefined ? {} : { token }).meet();
    const sender = new MailSender(agent, tally, saying);
    course.finally(() => {
      clearInterval(sender.#timer);
      agent.close();
    });
    return sender;
  }

  /** Notes what it was told meanwhile. */
  read(): void {
    for (const { message } of this.#agent.heard.splice(0)) {
      const { kind, data } = message.content;
      const { ids, state } = (data ?? {}) as { readonly ids: readonly string[]; readonly state: string };
      if (kind === "receipt") this.#tally.told(ids, state);
      else this.problems.push(message.content.message);
    }
  }

  /** It says nothing more; resolves when the broker has what it has said. */
  async hush(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#agent.settled();
  }

  /** One after the other: a socket takes one send at a time. */
  #say(owner: string): void {
    const text = this.#tally.says("zed", owner);
    this.#writing = this.#writing.then(() =>
      this.#agent.send(owner, "inform", text, { message_id: text, receipt: ["stored", "settled"] }),
    );
  }
}
