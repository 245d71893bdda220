import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Agent, AgentOptions } from "../../../src/index.js";
import { LocalAgents, next, transports } from "../../kit/local-agents.js";

describe.each(transports)("the name of an agent, over %s", (transport) => {
  let world: LocalAgents;
  const join = (name: string, options?: AgentOptions): Promise<Agent> => world.join(name, options);

  beforeEach(async () => {
    world = await LocalAgents.start(transport);
  });
  afterEach(() => world.stop());

  it("is one of its name: a second is refused, unless both share it", async () => {
    const ada = await join("ada", { exclusive: false });
    await expect((async () => join("ada"))()).rejects.toMatchObject({
      code: "conflict",
      message: expect.stringContaining("exclusive: false") as string,
    });
    const twin = await join("ada", { exclusive: false });
    const bob = await join("bob");
    await bob.inform("ada", "to both");
    for (const one of [ada, twin]) expect((await next(one)).content.message).toBe("to both");
  });

  it("is one of several that start at one moment", async () => {
    const started = await Promise.allSettled(Array.from({ length: 4 }, async () => join("ada")));
    const refused = started.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
    expect(refused).toEqual(Array.from({ length: 3 }, () => expect.objectContaining({ code: "conflict" }) as unknown));
    const bob = await join("bob");
    await bob.inform("ada", "to the one");
    const [ada] = world.agents.filter(({ name }) => name === "ada");
    expect(ada && (await next(ada)).content.message).toBe("to the one");
  });

  it("can take the name again once it has left, as often as it likes", async () => {
    for (let n = 0; n < 3; n += 1) {
      const ada = await join("ada");
      await ada.close();
    }
    const bob = await join("bob");
    await expect(bob.request("ada", "?", { timeoutMs: 20_000 })).rejects.toMatchObject({ code: "not-found" });
  });

  it("refuses a name that cannot be one", async () => {
    await expect((async () => join("#room"))()).rejects.toMatchObject({ code: "malformed" });
  });
});
