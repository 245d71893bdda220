import { z } from "zod";
import { readIfThere } from "./atomic-file.js";

const endpointsForm = z.object({
  pid: z.int().positive(),
  zmqIn: z.array(z.string()),
  zmqOut: z.array(z.string()),
  ws: z.array(z.string()),
  own: z.record(z.string(), z.string()).optional(),
});

/** Where a running broker can be reached, as `endpoints.json` says it (protocols, first part). */
export interface Endpoints {
  readonly pid: number;
  readonly zmqIn: readonly string[];
  readonly zmqOut: readonly string[];
  readonly ws: readonly string[];
  /** Doors of one dialect each, by its name. */
  readonly own?: Readonly<Record<string, string>> | undefined;
}

/** Reads `endpoints.json`; undefined if there is none or it is none of ours. */
export function readEndpointsFile(path: string): Endpoints | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  try {
    return endpointsForm.parse(JSON.parse(text));
  } catch {
    return undefined; // written whole or not at all, so what does not parse is another's file
  }
}
