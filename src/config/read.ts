import { defaultLimits, Fault, shapeProblem, type Limits } from "../core/index.js";
import { refuseOpenDoors } from "./open-doors.js";
import { brokerOptions, type BrokerConfig, type BrokerOptions } from "./options.js";

/**
 * Checks options and fills in the defaults.
 * @param nameOf what the author of an option calls it: a flag, a variable, a line of a file
 * @throws Fault malformed or forbidden, naming the option and the remedy
 */
export function readConfig(options: BrokerOptions, nameOf: (path: string) => string = (path) => `option ${path}`): BrokerConfig {
  const parsed = brokerOptions.safeParse(options);
  if (!parsed.success) {
    const { path, problem } = shapeProblem(parsed.error, options);
    throw new Fault("malformed", `${nameOf(path)}: ${problem}`);
  }
  const { limits, ...rest } = parsed.data;
  const config: BrokerConfig = { ...rest, limits: { ...defaultLimits, ...limits } satisfies Limits };
  if ((config.tlsCert === undefined) !== (config.tlsKey === undefined)) {
    throw new Fault("malformed", "--tls-cert and --tls-key belong together: give both, or neither");
  }
  refuseOpenDoors(config);
  return config;
}
