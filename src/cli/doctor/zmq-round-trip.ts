import { Agent } from "../../../clients/typescript/agent/index.js";
import { findBroker, askBroker } from "../operator.js";
import { operatorName } from "../../identity/index.js";
import { reasonOf, timed, type Check, type Finding } from "./check.js";

const withinMs = 5_000;
/** A broker on this machine reads the same clock. If the two differ by more, the clock was set while it ran. */
const skewMaxMs = 1_000;
/** A clock that was never set shows 1970 or the day on which the machine was built. */
const sinceYear = 2025;

/**
 * Sends a ping through each pair of ZeroMQ doors and waits for its answer, whose time shows whether the clock is right.
 */
export const zmqRoundTrip: Check = async ({ data, endpoints }) => {
  if (endpoints === undefined) return [{ check: "ZeroMQ", result: "skipped", found: "no broker runs" }];
  const { zmqIn, zmqOut } = endpoints;
  const findings: Finding[] = [];
  for (let at = 0; at < Math.max(zmqIn.length, zmqOut.length); at += 1) {
    const [door, out] = [zmqIn[at] ?? zmqIn[0], zmqOut[at] ?? zmqOut[0]];
    if (door !== undefined && out !== undefined) findings.push(...(await tripThrough(data.path, door, out)));
  }
  // Every trip reports the clock; once is enough.
  return findings.filter(
    ({ check }, at) => check !== "clock" || at === findings.findIndex((one) => one.check === "clock"),
  );
};

async function tripThrough(dataDir: string, zmqIn: string, out: string): Promise<readonly Finding[]> {
  const check = "ZeroMQ";
  const doors = `${zmqIn} → ${out}`;
  try {
    const { token } = findBroker({ dataDir });
    const operator = await Agent.connect({
      name: operatorName,
      in: reachable(zmqIn),
      out: reachable(out),
      token,
      exclusive: false,
      readyTimeoutMs: withinMs,
      publishTimeoutMs: withinMs,
    });
    let told = "";
    const took = await timed(async () => {
      told = (await askBroker(operator, "ping")).timestamp;
    });
    await operator.close();
    return [{ check, result: "good", found: `${doors}: ${took} ms` }, clock(told)];
  } catch (thrown) {
    return [
      {
        check,
        result: "failed",
        found: `${doors}: ${reasonOf(thrown)}`,
        remedy: "the broker's log says which connection it refused, and why",
      },
    ];
  }
}

function clock(told: string): Finding {
  const check = "clock";
  const now = new Date();
  const apart = Math.abs(Date.parse(told) - now.getTime());
  if (now.getUTCFullYear() < sinceYear)
    return {
      check,
      result: "failed",
      found: `it is ${now.toISOString()} here`,
      remedy: "set the clock (timedatectl set-ntp true): certificates and tokens depend on it",
    };
  if (!(apart <= skewMaxMs))
    return {
      check,
      result: "failed",
      found: `the broker's clock differs from this one by ${apart} ms`,
      remedy: "set the clock (timedatectl set-ntp true), then start the broker again",
    };
  return { check, result: "good", found: `${now.toISOString()}, the broker's clock differs by ${apart} ms` };
}

function reachable(url: string): string {
  return url.replace(/^tcp:\/\/(0\.0\.0\.0|\*):/, "tcp://127.0.0.1:");
}
