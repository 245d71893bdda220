import type { Command } from "commander";
import { problemsOf, type Layered } from "../../config/index.js";
import { asFault } from "../../core/index.js";
import { DataDirectory, resolveDataDirectory, type Endpoints } from "../../storage/index.js";
import type { Output } from "../output.js";
import { certificate } from "../doctor/certificate.js";
import { configuration, dataDirectory } from "../doctor/configuration.js";
import { doubledNames } from "../doctor/doubled-names.js";
import { identityProviders } from "../doctor/identity-providers.js";
import { diskRoom, mailboxes } from "../doctor/mailboxes.js";
import { descriptors, nodeVersion, zeromqModule } from "../doctor/machine.js";
import type { Check, Finding } from "../doctor/check.js";
import { report } from "../doctor/report.js";
import { ports, runningBroker } from "../doctor/running-broker.js";
import { wsRoundTrips } from "../doctor/ws-round-trips.js";
import { zmqRoundTrip } from "../doctor/zmq-round-trip.js";
import { layersOf, runsDialects, withBrokerFlags, type BrokerFlags } from "../flags.js";

/** A check stands behind those on which it depends. */
const checks: readonly Check[] = [
  nodeVersion,
  zeromqModule,
  configuration,
  dataDirectory,
  certificate,
  identityProviders,
  descriptors,
  runningBroker,
  ports,
  zmqRoundTrip,
  doubledNames,
  wsRoundTrips,
  diskRoom,
  mailboxes,
];

/** `broker doctor`: checks everything that a broker needs and says what to do about each problem. */
export function doctorCommand(program: Command): void {
  withBrokerFlags(
    program
      .command("doctor")
      .description(
        "check the configuration, this machine and every door of the running broker; exit code 0 or 1; " + runsDialects,
      ),
  ).action(async (_options: unknown, command: Command) => {
    const options = command.optsWithGlobals<Output & BrokerFlags>();
    report(options, await examine(options));
  });
}

async function examine(flags: BrokerFlags): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  let layered: Layered | undefined;
  try {
    layered = await layersOf(flags);
  } catch (thrown) {
    findings.push(...problemsOf(thrown).map((found) => ({ check: "configuration", result: "failed", found }) as const));
  }
  const data = new DataDirectory(resolveDataDirectory({ dataDir: layered?.config.dataDir ?? flags.dataDir }));
  const { endpoints, damage } = endpointsOf(data);
  const installation = { layered, data, endpoints };
  for (const check of checks) {
    if (check === runningBroker && damage !== undefined) findings.push(damage);
    else findings.push(...(await check(installation)));
  }
  return findings;
}

/** Where the broker of the folder is, or why that cannot be found out. */
function endpointsOf(data: DataDirectory): { readonly endpoints: Endpoints | undefined; readonly damage?: Finding } {
  try {
    return { endpoints: data.readEndpoints() };
  } catch (thrown) {
    return { endpoints: undefined, damage: { check: "broker", result: "failed", found: asFault(thrown).message } };
  }
}
