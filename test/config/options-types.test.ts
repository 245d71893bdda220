import { describe, expect, it } from "vitest";
import { dialects } from "../../bridges/index.js";
import { problemsOf, readConfig, type BrokerOptions } from "../../src/config/index.js";

/** How many problems a configuration has. */
function problems(options: BrokerOptions): number {
  try {
    readConfig(options);
  } catch (thrown) {
    return problemsOf(thrown).length;
  }
  return 0;
}

describe("the options of a broker, for the compiler", () => {
  it("are refused by their names, as the broker refuses them", () => {
    // @ts-expect-error: the name of an option
    expect(problems({ datadir: "x" })).toBe(1);
    // @ts-expect-error: a capital
    expect(problems({ Ws: ["127.0.0.1:1"] })).toBe(1);
    // @ts-expect-error: a word of a dialect's setting
    expect(problems({ agentchat: { identity: "srict" } })).toBe(1);
    // @ts-expect-error: the name of a dialect's setting
    expect(problems({ agentchat: { identty: "strict" } })).toBe(1);
    // @ts-expect-error: a dialect that has no settings
    expect(problems({ pan: { identity: "strict" } })).toBe(1);
    // @ts-expect-error: the name of a limit
    expect(problems({ limits: { wsPing: 1 } })).toBe(1);
  });

  it("are taken where they are right, those of built-in dialects too", () => {
    expect(problems({ agentchat: { identity: "strict" }, limits: { wsPingMs: 1_000, panRateBurst: 3 } })).toBe(0);
  });

  it("can be those of a dialect from elsewhere", () => {
    type Bar = BrokerOptions<{ readonly bar?: { readonly loud?: boolean }; readonly limits?: { barMax?: number } }>;
    const right: Bar = { bar: { loud: true }, limits: { barMax: 1, wsPingMs: 1_000 } };
    // @ts-expect-error: the name of its setting
    const wrong: Bar = { bar: { lowd: true } };
    // Without the dialect itself, the broker knows none of them.
    expect([problems(right), problems(wrong)]).toEqual([2, 1]);
  });

  it("name the settings and limits of every built-in dialect", () => {
    const settings = { agentchat: {}, "agent-network": {}, visualisation: {} } satisfies Required<
      Pick<BrokerOptions, "agentchat" | "agent-network" | "visualisation">
    >;
    expect(Object.keys(settings)).toEqual(
      dialects.filter((dialect) => dialect.settings !== undefined).map(({ name }) => name),
    );
    const { limits } = readConfig({});
    const burst: NonNullable<BrokerOptions["limits"]> = {
      panRatePerSecond: 1,
      panRateBurst: 1,
      panBroadcastMs: 1,
      panBroadcastBurst: 1,
      agentchatRatePerSecond: 1,
      agentchatBurst: 1,
      networkRatePerSecond: 1,
      networkRateBurst: 1,
      networkBroadcastMs: 1,
      networkBroadcastBurst: 1,
      networkBatchMax: 1,
      networkHeartbeatMs: 1,
      networkHeartbeatsMax: 1,
      networkSilenceMs: 1,
      networkAgentsPerUserMax: 1,
      networkAwaitedMax: 1,
      networkAwaitedTotalMax: 1,
      visualisationRatePerSecond: 1,
      visualisationRateBurst: 1,
      visualisationHeartbeatMs: 1,
      visualisationHeartbeatsMax: 1,
      visualisationSilenceMs: 1,
    };
    expect(Object.keys(burst)).toEqual(dialects.flatMap((dialect) => Object.keys(dialect.limits?.shape ?? {})));
    expect(Object.keys(limits)).toEqual(expect.arrayContaining(Object.keys(burst)));
  });
});
