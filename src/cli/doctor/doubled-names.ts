import { asOperator } from "../operator.js";
import { reasonOf, type Check } from "./check.js";

/** So many names are shown. */
const shownMax = 5;

/** Every name is used by one connection: where two programs have one name, both do the work. */
export const doubledNames: Check = async ({ data, endpoints }) => {
  const check = "names";
  if (endpoints === undefined) return [{ check, result: "skipped", found: "no broker runs" }];
  try {
    const agents = await asOperator({ dataDir: data.path }, (operator) => operator.agents());
    const doubled = agents.filter(({ connections = 1 }) => connections > 1);
    if (doubled.length === 0) return [{ check, result: "good", found: "no name is used by several connections" }];
    const shown = doubled
      .slice(0, shownMax)
      .map(({ name, connections }) => `${name} by ${connections}`)
      .join(", ");
    const more = doubled.length > shownMax ? `, and ${doubled.length - shownMax} more names` : "";
    return [
      {
        check,
        result: "warning",
        found: `used by several connections: ${shown}${more}`,
        remedy: "all of them hear what is for the name and do the work: give each program a name of its own",
      },
    ];
  } catch (thrown) {
    return [{ check, result: "skipped", found: `who is online is not known: ${reasonOf(thrown)}` }];
  }
};
