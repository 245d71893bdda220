import { visualisation } from "../../../bridges/visualisation/index.js";
import { phrasebook } from "../../../bridges/visualisation/phrasebook.js";
import { conformanceTests } from "../../kit/conformance.js";

let said = 0;

conformanceTests({
  dialect: visualisation,
  path: "/api/control/ws",
  viewers: true,
  command: (type) => JSON.stringify({ type }),
  phrasebook: {
    ...phrasebook,
    // The same id again would not be executed again (Visualisation §5.3).
    say: (to, text) =>
      JSON.stringify({
        id: `${text} ${String((said += 1))}`,
        type: "control.execute",
        payload: { targetAgent: to, command: text },
      }),
  },
});
