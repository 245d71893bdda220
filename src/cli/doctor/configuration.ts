import { doorProblems } from "../config-check.js";
import type { Check } from "./finding.js";

/**
 * Options that are right and doors that can be opened; the data directory and the certificate have checks of their own.
 */
export const configuration: Check = async ({ layered }) => {
  const check = "configuration";
  if (layered === undefined) return [];
  const problems = await doorProblems(layered);
  if (problems.length === 0)
    return [
      {
        check,
        result: "good",
        found: layered.file ?? "no file, defaults and what the command line and SYNAPTIC_… say",
      },
    ];
  return problems.map((found) => ({ check, result: "failed", found }));
};
