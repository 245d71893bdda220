import type { Header } from "./schema.js";

/** `metadata` of a frame (Agent Network §1.1). */
export type Metadata = Header["metadata"];

const priorities = ["HIGH", "NORMAL", "LOW"] as const;

/** The three fields of the document, as every frame of its examples has them: known by their text, and never read. */
// bound: 24 spellings of 12 values · evicts: nothing · owner: the module
const bySpelling = new Map<string, Metadata>();
// bound: 12 values · evicts: nothing · owner: the module
const spellings = new Map<unknown, string>();

for (const priority of priorities)
  for (const encrypted of [true, false])
    for (const requiresResponse of [true, false]) {
      const metadata: Metadata = Object.freeze({ priority, encrypted, requiresResponse });
      const compact = JSON.stringify(metadata);
      spellings.set(metadata, compact);
      bySpelling.set(compact, metadata);
      bySpelling.set(compact.replaceAll(",", ", ").replaceAll(":", ": "), metadata); // as Python spells it
    }

/** The metadata that this JSON text says, if it is one of the usual ones; the same object each time. */
export function usualMetadata(json: string): Metadata | undefined {
  return bySpelling.get(json);
}

/** True for what {@link usualMetadata} gives, which needs no check. */
export function isUsual(metadata: unknown): metadata is Metadata {
  return spellings.has(metadata);
}

/** Metadata as JSON. */
export function metadataJson(metadata: Readonly<Record<string, unknown>>): string {
  return spellings.get(metadata) ?? JSON.stringify(metadata);
}

/** Metadata of a frame that nobody has sealed and that wants no answer. */
export function plainMetadata(priority: (typeof priorities)[number]): Metadata {
  const metadata = usualMetadata(JSON.stringify({ priority, encrypted: false, requiresResponse: false }));
  if (metadata === undefined) throw new Error("it is one of the usual ones");
  return metadata;
}
