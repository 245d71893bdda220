import { z } from "zod";
import { allScopes, writtenTime } from "../../core/index.js";
import type { TokenListing } from "../../identity/index.js";
import { noFields, noList } from "../fields.js";
import { kind, type Ask } from "../kind.js";
import type { Operator } from "../office.js";
import { officeOf } from "./watching.js";

const noId = "is missing; it is the id of a token, as tokens.list tells it";

const token = z.object({
  id: z.string(),
  kind: z.enum(["zmq", "ws", "jwt"]),
  agent: z.string(),
  scopes: z.array(z.enum(allScopes)),
  carries: z.array(z.string()).describe("scope proxy: the names it may carry").exactOptional(),
  issued: writtenTime,
  expires: writtenTime.describe("absent: never").exactOptional(),
});

/** `tokens.list`: the valid tokens of agents, never a token itself; for the operator. */
export const tokensList = kind({
  request: noFields,
  answer: z.object({ tokens: z.array(token).describe("oldest first") }),
  right: "operate",
  length: noList,
  run: (ask) => {
    const tokens = officeOf(ask).tokens().map(written);
    return {
      message:
        tokens.length === 0
          ? "there are no tokens of agents; broker token NAME makes some"
          : tokens.map(({ id, kind: word, agent }) => `${id} ${word} ${agent}`).join("\n"),
      data: { tokens },
    };
  },
});

/** `tokens.revoke`: takes a token away and cuts what uses it; for the operator. */
export const tokensRevoke = kind({
  request: z.strictObject({ id: z.string(noId).min(1, noId).max(256, noId) }),
  answer: z.object({ token: token.describe("that was taken away") }),
  right: "operate",
  length: noList,
  run: async (ask, { id }) => {
    const revoked = await officeOf(ask).revoke(id, byWhom(ask));
    return {
      message: `the ${revoked.kind} token ${id} of ${revoked.subject} is revoked; what used it is cut`,
      data: { token: written(revoked) },
    };
  },
});

/** The operator, whose right was checked. */
export function byWhom({ asker, viewer }: Ask): Operator {
  return { agent: viewer?.agent ?? asker, ...(viewer?.tokenId !== undefined && { tokenId: viewer.tokenId }) };
}

/** Times that no calendar holds are as far away as it goes. */
const timeMaxMs = 8.64e15;

function written({
  id,
  kind: word,
  subject,
  scopes,
  names,
  issuedAt,
  expiresAt,
}: TokenListing): z.output<typeof token> {
  return {
    id,
    kind: word,
    agent: subject,
    scopes: [...scopes],
    ...(names !== undefined && { carries: [...names] }),
    issued: new Date(issuedAt).toISOString(),
    ...(expiresAt !== undefined && { expires: new Date(Math.min(expiresAt, timeMaxMs)).toISOString() }),
  };
}
