import { stat } from "node:fs/promises";
import type { Identity } from "../../../clients/typescript/agentchat/identity-file.js";
import { say } from "../output.js";

const othersToo = 0o077;

/**
 * Reads an identity file, which closes it to others; says so where they could read it, for whoever did has the key.
 * @throws AgentChatError IDENTITY_MISSING, IDENTITY_UNSAFE, IDENTITY_INVALID
 */
export async function readOwnIdentity(file: string): Promise<Identity> {
  const { readIdentity } = await import("../../../clients/typescript/agentchat/identity-file.js");
  const mode = await modeOf(file);
  const identity = await readIdentity(file);
  if ((mode & othersToo) !== 0)
    say(
      `warning: others could read ${file} (mode 0${mode.toString(8)}), which holds your private key; it is closed to them now, as by chmod 600 ${file}`,
    );
  return identity;
}

/** 0 for a file that cannot be looked at: reading it says why. */
async function modeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).mode & 0o777;
  } catch {
    return 0;
  }
}
