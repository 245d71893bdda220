import type { DaemonClient } from "./daemon-client.js";
import type { Outgoing, Step } from "./outbox-line.js";

/**
 * Says what a line of the outbox asks for; done when the server has dealt with it.
 * @param id of a message: the same each time it is said
 * @param confirmed done when the server has dealt with a message that was written
 * @throws Error what the client or `confirmed` throws. A message that is refused is told by ClientHears.refused
 */
export async function say(
  client: DaemonClient,
  line: Outgoing,
  id: string,
  confirmed: () => Promise<void>,
): Promise<void> {
  switch (line.type) {
    case "MSG":
      await client.send(line.to, line.content, {
        msgId: id,
        ...(line.inReplyTo !== undefined && { inReplyTo: line.inReplyTo }),
      });
      await confirmed();
      return;
    case "JOIN":
      await client.join(line.channel, line.replay === undefined ? {} : { replay: line.replay });
      return;
    case "LEAVE":
      await client.leave(line.channel);
      return;
    case "CREATE_CHANNEL":
      await client.createChannel(line.channel, line.invite_only);
      return;
    case "INVITE":
      await client.invite(line.channel, line.agent);
      return;
    case "PROPOSAL":
    case "ACCEPT":
    case "REJECT":
    case "COMPLETE":
    case "DISPUTE":
      await negotiate(client, line);
  }
}

async function negotiate(client: DaemonClient, step: Step): Promise<void> {
  switch (step.type) {
    case "PROPOSAL": {
      const { to, task, amount, currency, payment_code: paymentCode, terms, expires } = step;
      await client.propose(to, {
        task,
        ...(amount !== undefined && { amount }),
        ...(currency !== undefined && { currency }),
        ...(paymentCode !== undefined && { paymentCode }),
        ...(terms !== undefined && { terms }),
        ...(expires !== undefined && { expires }),
      });
      return;
    }
    case "ACCEPT":
      await client.accept(step.proposal_id, step.payment_code);
      return;
    case "REJECT":
      await client.reject(step.proposal_id, step.reason);
      return;
    case "COMPLETE":
      await client.complete(step.proposal_id, step.proof);
      return;
    case "DISPUTE":
      await client.dispute(step.proposal_id, step.reason);
  }
}
