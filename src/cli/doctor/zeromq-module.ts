import { reasonOf, type Check } from "./finding.js";

/** The native module of agents and of this command line; the broker itself does not need it. */
export const zeromqModule: Check = async () => {
  const check = "zeromq module";
  try {
    await import("../../../clients/typescript/agent/link-zeromq.js");
    return [{ check, result: "good", found: "loads" }];
  } catch (thrown) {
    return [
      {
        check,
        result: "failed",
        found: reasonOf(thrown),
        remedy:
          "run npm ci in the folder of synaptic-core; the package brings binaries for Linux, macOS and Windows on x64 and arm64",
      },
    ];
  }
};
