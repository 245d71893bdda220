import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { defaultLimits } from "../../src/core/index.js";
import { deskInforms } from "../../src/desk/contract.js";

const page = readFileSync(new URL("../../docs/zeromq-clients.md", import.meta.url), "utf8");

describe("the page for plain ZeroMQ clients", () => {
  it.each(Object.entries(deskInforms).filter(([kind]) => kind !== "fault"))(
    "tells of %s and of every field of it",
    (kind, schema) => {
      const line = page.split("\n").find((row) => row.includes(kind)) ?? expect.fail(`nothing is said of ${kind}`);
      const content = schema.shape["content"] as z.ZodObject<{ data: z.ZodObject }>;
      for (const field of Object.keys(content.shape.data.shape)) expect(line).toContain(field);
    },
  );

  it("has the limits of the broker", () => {
    expect(page).toContain(`${String(defaultLimits.zmqFrameMaxBytes / 1_048_576)} MiB a frame`);
    expect(page).toContain(`${String(defaultLimits.graceDeclaredMs / 1_000)} s of grace after`);
    expect(page).toContain(`${String(defaultLimits.graceInferredMs / 1_000)} s of grace |`);
  });
});
