import { settle } from "./kit/accounts.js";
import { killTheOwners, ownersPerRound } from "./kit/owner-kills.js";
import { scenario } from "./kit/scenario.js";

const rounds = 25;

scenario({
  number: 15,
  title: "owners of mailboxes killed",
  done: `${String(rounds * ownersPerRound)} processes killed at random points while a sender goes on: each time one of pyzmq in push mode, one with a PAN bot, an AgentChat client and a zeromq.js agent in push mode and a plain one in take mode, and one of each SDK in take mode. A client in push mode may lose what its library had read and nothing else, which its settled receipt tells; in take mode nothing is lost, and nothing is handled twice by who knows the ids`,
  limitMs: 200_000,
  async run(course) {
    const broker = await killTheOwners(course, rounds);
    await settle(course, broker);
  },
});
