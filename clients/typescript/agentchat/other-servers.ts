import { negotiationTypes, type NegotiationType, type ProposalStatus } from "../../../bridges/agentchat/schema.js";

/** The fields of an event, as a server said them. */
type Fields = Readonly<Record<string, unknown>>;

/** Codes of ours for what other servers say by a frame of its own. */
const refusals: Readonly<Record<string, string>> = { SESSION_DISPLACED: "another session has proved the same key" };

const statusAfter: Readonly<Record<NegotiationType, ProposalStatus>> = {
  PROPOSAL: "pending",
  ACCEPT: "accepted",
  REJECT: "rejected",
  COMPLETE: "completed",
  DISPUTE: "disputed",
};

/**
 * What a server of other makers says, in the words of ours (AgentChat §8.3). What it does not say stays away, unless an
 * event cannot do without it: then it is empty.
 * @param self the `@agent-id` of whoever hears it, once it is known
 */
export function inOurWords(type: string, said: Fields, self: string | undefined): Fields {
  if (type === "MSG") return messageOf(said);
  if (type === "JOINED") return withIds(said, "agents");
  if (type === "AGENTS") return withIds(said, "list");
  if (type === "LEFT") return { agent: self, ...said };
  if (type === "WELCOME") return { server: "", ...said };
  if (type === "ERROR") return { message: "the server did not say why", ...said };
  if (Object.hasOwn(refusals, type))
    return { type: "ERROR", code: type, message: said["reason"] ?? said["message"] ?? refusals[type], ts: said["ts"] };
  const step = negotiationTypes.find((known) => known === type);
  return step === undefined ? said : stepOf(step, said);
}

/**
 * `verified` is about a signature, so it comes with the key. Without one it is what the server thinks of the sender,
 * and no signature was checked: it goes by another name.
 */
function messageOf(said: Fields): Fields {
  const { from, in_reply_to: inReplyTo, verified, pubkey } = said;
  const message: Record<string, unknown> = {
    from_name: typeof from === "string" ? from.replace(/^@/, "") : "",
    msg_id: "",
    ...said,
  };
  if (inReplyTo === "") Reflect.deleteProperty(message, "in_reply_to");
  if (pubkey === undefined && verified !== undefined) {
    Reflect.deleteProperty(message, "verified");
    if (typeof verified === "boolean") message["sender_verified"] = verified;
  }
  return message;
}

/** Agents by their ids; where the server says `{id, name}`, the names are beside them, as ours are. */
function withIds(said: Fields, key: string): Fields {
  const list = said[key];
  if (!Array.isArray(list) || list.every((one) => typeof one === "string")) return said;
  const ids: unknown[] = [];
  const names: Record<string, string> = {};
  for (const one of list as readonly unknown[]) {
    if (typeof one !== "object" || one === null) {
      if (one !== undefined) ids.push(one); // null came as undefined
      continue;
    }
    const { id, name }: { readonly id?: unknown; readonly name?: unknown } = one;
    ids.push(id);
    if (typeof id === "string" && typeof name === "string" && name !== "" && `@${name}` !== id)
      Object.defineProperty(names, id, { value: name, enumerable: true }); // also an id like __proto__
  }
  return { ...said, [key]: ids, names: said["names"] ?? names };
}

/**
 * A step is from whoever took it. Other servers say no parties, or those of the proposal: of these, `to` answers it, and
 * `completed_by` and `disputed_by` say who ended it. Steps of theirs have `updated_at`, ours have not.
 */
function stepOf(type: NegotiationType, said: Fields): Fields {
  const { id, proposal_id: proposalId, from, to, completed_by: completer, disputed_by: disputer } = said;
  const answerer = (type === "ACCEPT" || type === "REJECT") && said["updated_at"] !== undefined ? to : undefined;
  const taker = completer ?? disputer ?? answerer ?? from ?? "";
  return {
    status: statusAfter[type],
    sig: "",
    id: proposalId,
    proposal_id: id,
    ...said,
    from: taker,
    to: (taker === to && from !== undefined ? from : to) ?? "",
  };
}
