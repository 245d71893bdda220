import { readFileSync } from "node:fs";

/** Every text frame, and every object as JSON, that stands in the vectors of these files. */
export function framesOf(...paths: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (const path of paths) gather(JSON.parse(readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")), found);
  return found.filter((text) => text.length <= 2_048);
}

function gather(value: unknown, found: string[]): void {
  if (Array.isArray(value)) for (const one of value) gather(one, found);
  else if (typeof value === "object" && value !== null) {
    for (const [key, one] of Object.entries(value)) {
      if (typeof one === "string" && (key === "frame" || key === "payload")) found.push(one);
      else if (key === "payload" || key === "event" || key === "envelope") found.push(JSON.stringify(one));
      else gather(one, found);
    }
  }
}
