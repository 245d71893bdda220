import { ownPackage } from "../package-file.js";
import type { Check } from "./finding.js";

/** Node as new as package.json asks for. */
export const nodeVersion: Check = () => {
  const { engines } = ownPackage();
  const [major = 0, minor = 0] = numbersOf(process.versions.node);
  const [needMajor = 0, needMinor = 0] = numbersOf(engines.node);
  const check = "node";
  const found = process.versions.node;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return [{ check, result: "good", found }];
  return [
    {
      check,
      result: "failed",
      found: `${found}, and ${engines.node} is needed`,
      remedy: "install a newer Node: https://nodejs.org",
    },
  ];
};

function numbersOf(version: string): readonly number[] {
  return (version.match(/\d+/g) ?? []).map(Number);
}
