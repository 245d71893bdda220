import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { AgentChatError } from "./error.js";
import { identityFrom, type Identity, rotated } from "./identity.js";

export { agentIdOf, generateIdentity, sign, type Identity } from "./identity.js";
export { chainOfCustody, type Rotation } from "./identity.js";

/** Where an agent's identity is kept (AgentChat §3.8). */
export const defaultIdentityPath = "./.agentchat/identity.json";

const ownerOnly = 0o600;
const othersToo = 0o077;
const maxBytes = 64 * 1024;

/**
 * Reads an identity. If other users may read the file, its mode becomes 0600; a file that holds no identity keeps its
 * mode.
 * @throws AgentChatError IDENTITY_MISSING, IDENTITY_UNSAFE (a link, no file, another's), IDENTITY_INVALID
 */
export async function readIdentity(path: string): Promise<Identity> {
  const file = await openSafely(path);
  try {
    const { mode } = await checked(file, path);
    const identity = identityIn(await file.readFile("utf8"), path);
    if ((mode & othersToo) !== 0) await closeToOthers(file, path);
    return identity;
  } finally {
    await file.close();
  }
}

/**
 * Writes an identity whole or not at all, with mode 0600. A link in its place is replaced, never followed.
 * @throws AgentChatError IDENTITY_EXISTS unless `overwrite`, IDENTITY_INVALID, IDENTITY_UNSAFE if it cannot be written
 */
export async function writeIdentity(
  path: string,
  identity: Identity,
  { overwrite = false }: { readonly overwrite?: boolean } = {},
): Promise<void> {
  const text = `${JSON.stringify(identityFrom(identity), undefined, 2)}\n`;
  const temp = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeNew(temp, text);
  } catch (thrown) {
    throw unwritable(path, thrown);
  }
  try {
    // An empty file of this name keeps everybody else from it until it is replaced.
    if (!overwrite) await (await open(path, "wx", ownerOnly)).close();
  } catch (thrown) {
    await unlink(temp);
    if (codeOf(thrown) !== "EEXIST") throw unwritable(path, thrown);
    throw new AgentChatError(
      "IDENTITY_EXISTS",
      `${path} exists; what it holds would be lost for good: choose another path, rotate it, or move it away first`,
      { cause: thrown },
    );
  }
  try {
    await rename(temp, path);
  } catch (thrown) {
    await unlink(temp);
    if (!overwrite) await unlink(path);
    throw unwritable(path, thrown);
  }
  await syncFolder(dirname(path));
}

/**
 * Gives the identity a new key, which the old one signs. The old private key is deleted, and the agent's id changes.
 * @throws AgentChatError as readIdentity and writeIdentity
 */
export async function rotateIdentity(path: string): Promise<Identity> {
  const next = rotated(await readIdentity(path));
  await writeIdentity(path, next, { overwrite: true });
  return next;
}

async function openSafely(path: string): Promise<FileHandle> {
  try {
    // A link is not followed: it would give another file's mode and content. Non-blocking: opening a pipe would wait
    // for ever.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code === "ENOENT")
      throw new AgentChatError(
        "IDENTITY_MISSING",
        `there is no identity at ${path}; make one: agentchat identity --generate -i ${path}`,
        { cause: thrown },
      );
    if (code === "ELOOP")
      throw new AgentChatError("IDENTITY_UNSAFE", `${path} is a symbolic link; give the path that it leads to`, {
        cause: thrown,
      });
    throw new AgentChatError(
      "IDENTITY_UNSAFE",
      `${path} cannot be read (${code ?? String(thrown)}); it must be a file of yours: chmod 600 ${path}`,
      { cause: thrown },
    );
  }
}

async function checked(file: FileHandle, path: string): Promise<{ readonly mode: number }> {
  const stat = await file.stat();
  if (!stat.isFile())
    throw new AgentChatError("IDENTITY_UNSAFE", `${path} is not a file; give the path of an identity.json`);
  if (stat.size > maxBytes)
    throw new AgentChatError("IDENTITY_INVALID", `${path} is too long for an identity: more than ${maxBytes} bytes`);
  return stat;
}

function identityIn(text: string, path: string): Identity {
  try {
    return identityFrom(parsed(text));
  } catch (thrown) {
    if (thrown instanceof AgentChatError)
      throw new AgentChatError(thrown.code, `${path}: ${thrown.message}`, { cause: thrown });
    throw thrown;
  }
}

async function closeToOthers(file: FileHandle, path: string): Promise<void> {
  try {
    await file.chmod(ownerOnly);
  } catch (thrown) {
    throw new AgentChatError(
      "IDENTITY_UNSAFE",
      `${path} can be read by others, and its mode cannot be changed; as its owner: chmod 600 ${path}`,
      { cause: thrown },
    );
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", ownerOnly);
  try {
    await file.writeFile(text);
    await file.chmod(ownerOnly); // whatever the umask
    await file.sync();
  } catch (thrown) {
    await unlink(path);
    throw thrown;
  } finally {
    await file.close();
  }
}

/** Writes the folder to the disk, so that the new file name survives a loss of power. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    const where = text.trim() === "" ? "it is empty" : "it is not JSON";
    throw new AgentChatError(
      "IDENTITY_INVALID",
      `${where}; restore it from a backup, or remove it and make a new one: agentchat identity --generate`,
      { cause: withoutContent(thrown) },
    );
  }
}

/** Leaves the parser's message out: it quotes the text, and the text holds a private key. */
function withoutContent(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : "error";
}

function unwritable(path: string, thrown: unknown): AgentChatError {
  return new AgentChatError(
    "IDENTITY_UNSAFE",
    `${path} cannot be written (${codeOf(thrown) ?? String(thrown)}); its folder must be yours and writable`,
    { cause: thrown },
  );
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
}
