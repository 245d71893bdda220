import { createRequire } from "node:module";

/** What the commands tell of their own package. */
interface OwnPackage {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** package.json, three folders above this file and above the bundle that it becomes part of. */
export function ownPackage(): OwnPackage {
  return createRequire(import.meta.url)("../../../package.json") as OwnPackage;
}
