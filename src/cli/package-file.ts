import { createRequire } from "node:module";

/** The part of package.json that commands use. */
interface OwnPackage {
  readonly version: string;
  readonly engines: { readonly node: string };
}

/** Reads package.json. It lies three folders above this file and above the bundle that this file becomes part of. */
export function ownPackage(): OwnPackage {
  return createRequire(import.meta.url)("../../../package.json") as OwnPackage;
}
