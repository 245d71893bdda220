import { mkdir, writeFile } from "node:fs/promises";
import { dirname, basename, join, resolve } from "node:path";
import { say } from "../output.js";

/** The folder where the seed keeps keys and files of daemons. */
const ownFolder = ".agentchat";

/**
 * Makes the `.agentchat` folder that `path` lies in, and keeps it out of version control: it holds a private key.
 * Elsewhere nothing is done.
 */
export async function keepToOneself(path: string): Promise<void> {
  const folder = folderOf(resolve(path));
  if (folder === undefined) return;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(join(folder, ".gitignore"), "*\n", { flag: "wx" });
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    if (code !== "EEXIST")
      say(
        `warning: ${join(folder, ".gitignore")} could not be written (${String(code)}); keep ${folder} out of version control yourself, it holds a private key`,
      );
  }
}

function folderOf(path: string): string | undefined {
  if (basename(path) === ownFolder) return path;
  return dirname(path) === path ? undefined : folderOf(dirname(path));
}
