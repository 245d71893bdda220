import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sdkPage } from "../../src/ops/index.js";
import { folder } from "./kit.js";

const asked = { method: "GET", path: "/sdk/network.js", ifNoneMatch: undefined };

describe("clients for web pages at /sdk", () => {
  let at: Awaited<ReturnType<typeof folder>>;
  beforeEach(async () => {
    at = await folder();
  });
  afterEach(() => at.remove());

  it("is public code in one module, which pages of every origin may import", async () => {
    await writeFile(at.file("network.js"), "export const one = 1;");
    const answer = await sdkPage(() => [at.file("network.js")])(asked);
    expect(answer).toMatchObject({
      status: 200,
      type: "text/javascript; charset=utf-8",
      headers: {
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
      },
    });
    expect(answer !== undefined && "bytes" in answer && Buffer.from(answer.bytes).toString()).toContain("one = 1");
  });

  it("are two, each at a path of its own", async () => {
    await writeFile(at.file("network.js"), "network");
    await writeFile(at.file("visualisation.js"), "visualisation");
    const page = sdkPage((path) => [at.file(path.replace("/sdk/", ""))]);
    for (const name of ["network", "visualisation"])
      expect(await page({ ...asked, path: `/sdk/${name}.js` })).toMatchObject({ bytes: Buffer.from(name) });
  });

  it("is read once, from where it lies first", async () => {
    await writeFile(at.file("second.js"), "2");
    const page = sdkPage(() => [at.file("first.js"), at.file("second.js")]);
    const [one, other] = await Promise.all([page(asked), page(asked)]);
    await writeFile(at.file("first.js"), "1");
    const later = await page(asked);
    for (const answer of [one, other, later]) expect(answer).toMatchObject({ bytes: Buffer.from("2") });
  });

  it("is not sent again to who has it", async () => {
    await writeFile(at.file("network.js"), "1");
    const page = sdkPage(() => [at.file("network.js")]);
    const tag = (await page(asked))?.headers?.["etag"] ?? "";
    expect(tag).toMatch(/^"[\w-]{43}"$/);
    for (const ifNoneMatch of [tag, `"x", W/${tag}`, "*"])
      expect(await page({ ...asked, ifNoneMatch })).toMatchObject({ status: 304, body: "", headers: { etag: tag } });
    for (const ifNoneMatch of ['"x"', "", tag.slice(1)])
      expect(await page({ ...asked, ifNoneMatch })).toMatchObject({ status: 200 });
  });

  it("says how it is built where it is not, and is there once it is", async () => {
    const page = sdkPage(() => [at.file("network.js")]);
    expect(await page(asked)).toMatchObject({ status: 404, body: expect.stringContaining("npm run build") as string });
    await writeFile(at.file("network.js"), "1");
    expect(await page(asked)).toMatchObject({ status: 200 });
  });

  it("is no file that is too long to be a build", async () => {
    await writeFile(at.file("network.js"), Buffer.alloc(6 * 1024 * 1024));
    expect(await sdkPage(() => [at.file("network.js")])(asked)).toMatchObject({ status: 404 });
  });

  it("leaves every other path to others, and answers GET and HEAD only", async () => {
    const page = sdkPage(() => [at.file("network.js")]);
    for (const path of ["/", "/sdk", "/sdk/network.js.map", "/sdk/../network.js"])
      expect(await page({ ...asked, path })).toBeUndefined();
    expect(await page({ ...asked, method: "POST" })).toMatchObject({ status: 405 });
  });
});
