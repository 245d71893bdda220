import { asFault } from "../../core/index.js";
import { readTlsPair } from "../../websocket/edge/index.js";
import { dateProblem, readCertificate } from "../certificate.js";
import type { Check } from "./finding.js";

/** The certificate of the WebSocket doors fits its key and is valid for a while. */
export const certificate: Check = ({ layered }) => {
  const { tlsCert, tlsKey } = layered?.config ?? {};
  if (tlsCert === undefined || tlsKey === undefined) return [];
  const check = "certificate";
  try {
    readTlsPair({ cert: tlsCert, key: tlsKey });
    const dates = readCertificate(tlsCert);
    const problem = dateProblem(dates, new Date());
    if (problem === undefined)
      return [{ check, result: "good", found: `${tlsCert}, valid until ${dates.validTo.toISOString()}` }];
    return [{ check, result: problem.when === "over" ? "failed" : "warning", found: `${tlsCert} ${problem.words}` }];
  } catch (thrown) {
    return [{ check, result: "failed", found: asFault(thrown).message }];
  }
};
