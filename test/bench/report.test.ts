import { expect, it } from "vitest";

interface Figures {
  perSecond: number;
  cpuMicros: number;
}
interface Report {
  median(values: readonly number[]): number;
  medians(rounds: readonly Figures[]): Figures;
  judge(row: { scenario: string; ours: Figures; theirs?: Figures; target?: number }): { ratio?: number; met?: boolean };
}

const report = (await import(new URL("../../bench/report.mjs", import.meta.url).href)) as Report;

it("takes the middle of odd and even counts", () => {
  expect(report.median([5, 1, 3])).toBe(3);
  expect(report.median([4, 1, 3, 2])).toBe(2.5);
  expect(() => report.median([])).toThrow("no values");
});

it("judges by the ratio of medians", () => {
  const ours = report.medians([
    { perSecond: 300, cpuMicros: 1 },
    { perSecond: 100, cpuMicros: 3 },
    { perSecond: 200, cpuMicros: 2 },
  ]);
  expect(ours).toEqual({ perSecond: 200, cpuMicros: 2 });
  expect(report.judge({ scenario: "x", ours, theirs: { perSecond: 100, cpuMicros: 1 }, target: 2 })).toMatchObject({
    ratio: 2,
    met: true,
  });
  expect(report.judge({ scenario: "x", ours, theirs: { perSecond: 101, cpuMicros: 1 }, target: 2 })).toMatchObject({
    met: false,
  });
});
