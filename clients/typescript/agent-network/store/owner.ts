import { networkError } from "../error.js";
import type { Vault } from "./vault.js";

const table = "owner";
const key = "agentId";

/**
 * Keeps whose store it is. Under another name its keys, its pins and what waits in it would be somebody else's.
 * @throws NetworkError where it is another agent's
 */
export async function own(vault: Vault, agentId: string): Promise<void> {
  const [row] = await vault.read(table);
  if (row === undefined) {
    await vault.commit([{ table, key, value: agentId }]);
    return;
  }
  const [, owner] = row;
  if (owner !== agentId)
    throw networkError(
      "AUTHENTICATION_ERROR",
      `the store is that of ${JSON.stringify(owner)}, and this agent is ${agentId}: keys and what waits are one agent's; name ` +
        "another store for it",
    );
}
