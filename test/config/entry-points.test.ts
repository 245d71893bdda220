import { describe, expect, it } from "vitest";
import { z } from "zod";
import { echo } from "../../bridges/echo/index.js";
import { Broker } from "../../src/broker.js";
import { catalogueOf } from "../../src/config/options.js";
import { variableOf } from "../../src/config/variables.js";
import type { AnyDialect } from "../../src/dialect/index.js";

const like = (change: Partial<AnyDialect>): AnyDialect => ({ ...echo, ...change });

/** Why a broker does not take in these dialects. */
function refusal(...added: readonly unknown[]): string {
  try {
    catalogueOf(added as readonly AnyDialect[]);
  } catch (thrown) {
    return String(thrown);
  }
  return "taken";
}

describe("a dialect from elsewhere", () => {
  it("is taken in with a name, paths and subprotocols of its own", () => {
    expect(refusal(echo)).toBe("taken");
    expect(refusal(like({ name: "my-dialect2", paths: ["/my/dialect", "/v1.0"], subprotocols: [] }))).toBe("taken");
    expect(
      refusal(like({ name: "a", paths: [] }), like({ name: "b", paths: ["/b"], subprotocols: [], limits: undefined })),
    ).toBe("taken");
  });

  it.each(["zmq", "local", "http", "own", "agent", "broker", "limit", "proved", "constructor"])(
    "cannot be called %s, which means something else",
    (name) => {
      expect(refusal(like({ name }))).toContain(`a dialect cannot be called ${name}: it means something else here`);
    },
  );

  it.each(["ws", "limits", "log", "hosts", "dialects"])("cannot have the name of the option %s", (name) => {
    expect(refusal(like({ name }))).toContain(`a dialect cannot be called ${name}: an option has that name`);
  });

  it.each(["$broker", "", "a.b", "x y", "Echo", "-a", "a-", "a--b", "__proto__", "a".repeat(41)])(
    "cannot be called %j",
    (name) => {
      expect(refusal(like({ name }))).toContain("name must");
    },
  );

  it.each(["/", "nopath", "", "/a b", "/x?y", "//x", "/..", "/x/"])("cannot have the path %j", (path) => {
    expect(refusal(like({ paths: [path] }))).toContain("paths.0 must be written as /PATH");
  });

  it.each(["/healthz", "/readyz", "/metrics", "/sdk/network.js", "/sdk/visualisation.js"])(
    "cannot have the path %s of a page",
    (path) => {
      expect(refusal(like({ paths: [path] }))).toContain(
        `the dialect echo has the path ${path}, where the broker shows`,
      );
    },
  );

  it("cannot have a subprotocol that no header can name", () => {
    expect(refusal(like({ subprotocols: ["a, b"] }))).toContain("subprotocols.0 must be a word");
  });

  it.each<[string, Partial<AnyDialect>]>([
    ["name pan", { name: "pan" }],
    ["path /pan", { paths: ["/pan"] }],
    ["subprotocol pan.v1", { subprotocols: ["pan.v1"] }],
  ])("cannot have the %s, which another has", (what, change) => {
    expect(refusal(like(change))).toContain(`two dialects have the ${what}; give one of them another`);
  });

  it("cannot be a second one that answers what no dialect knows", () => {
    expect(refusal(like({ fallback: true }))).toContain("the dialects pan and echo both have fallback: true");
  });

  it("cannot have a setting whose variable another option has", () => {
    expect(refusal(like({ name: "tls", settings: z.object({ cert: z.string().default("") }) }))).toContain(
      "a setting of the dialect tls has the variable SYNAPTIC_TLS_CERT, which there is already",
    );
    expect(variableOf("my-dialect.howLoud")).toBe("SYNAPTIC_MY_DIALECT_HOW_LOUD");
  });

  it("cannot have a limit of another dialect, or of the broker: both are named with their files", () => {
    const one = like({ name: "one", limits: z.object({ loudMax: z.number().default(1) }) });
    const two = like({ name: "two", paths: ["/two"], subprotocols: [], limits: one.limits });
    const own = like({ limits: z.object({ wsPingMs: z.number().default(1) }) });
    const fileOf = ({ name }: AnyDialect): string | undefined => (name === "pan" ? undefined : `/etc/${name}.mjs`);
    expect(() => catalogueOf([one, two], fileOf)).toThrow(
      "the dialect two (/etc/two.mjs) names a limit loudMax, which the dialect one (/etc/one.mjs) has already; rename it",
    );
    expect(() => catalogueOf([own], fileOf)).toThrow(
      /the dialect echo \(.*\) names a limit wsPingMs, which the broker has already; rename it/,
    );
  });

  it.each<[string, unknown]>([
    ["paths is missing; it is a list", { with: () => 0, recognises: () => false, name: "x", title: "X" }],
    ["subprotocols is missing; it is a list", { ...echo, subprotocols: undefined }],
    ["settings must be what z.object (zod 4) makes", { ...echo, settings: { loud: true } }],
    ["with must be a function", { ...echo, with: 7 }],
    ["must be an object", null],
  ])("is refused in words where it is none: %s", (why, value) => {
    expect(refusal(value)).toContain(`this is not what defineDialect (synaptic-core/dialect) makes: ${why}`);
  });

  it("is named by its file where it came from one", () => {
    expect(() => catalogueOf([like({ name: "zmq" })], () => "/etc/zmq.mjs")).toThrow(/^\/etc\/zmq\.mjs: a dialect can/);
  });

  it("is refused by a Broker before anything is opened", () => {
    expect(() => new Broker({ dialects: [like({ name: "zmq" })] })).toThrow("a dialect cannot be called zmq");
  });
});
