import { randomBytes, type X509Certificate } from "node:crypto";
import { dialects as builtIn } from "../../../bridges/index.js";
import { PhrasebookClient } from "../../../clients/typescript/shared/phrasebook-client.js";
import { Fault } from "../../core/index.js";
import { readRegular } from "../../storage/index.js";
import type { AnyDialect } from "../../dialect/index.js";
import { hostsOf, readTlsPair } from "../../websocket/edge/index.js";
import { dateProblem, datesOf, nameProblem, readCertificate } from "./certificate.js";
import { openRelay } from "../door-relay.js";
import { reasonOf, timed, type Check, type Finding, type Installation } from "./check.js";

const withinMs = 5_000;

interface Trip {
  readonly check: string;
  /** Follows the door's address. */
  readonly path: string;
  readonly go: (url: string, installation: Installation) => Promise<unknown>;
}

const pages: readonly Trip[] = ["/healthz", "/readyz"].map((path) => ({ check: path, path, go: page }));

/** Checks each WebSocket door: a login and an answer in every dialect, its pages, and the certificate that it shows. */
export const wsRoundTrips: Check = async (installation) => {
  const { endpoints } = installation;
  if (endpoints === undefined) return [{ check: "WebSocket", result: "skipped", found: "no broker runs" }];
  const findings: Finding[] = [];
  const trips = (installation.layered?.config.dialects ?? builtIn).flatMap((dialect) => tripOf(dialect));
  for (const door of endpoints.ws) findings.push(...(await tripsThrough(door, [...trips, ...pages], installation)));
  for (const [name, door] of Object.entries(endpoints.own ?? {})) {
    const trip = trips.find((each) => each.dialect === name);
    findings.push(
      ...(await tripsThrough(door, [...(trip === undefined ? [] : [{ ...trip, path: "/" }]), ...pages], installation)),
    );
  }
  return findings;
};

async function tripsThrough(
  door: string,
  trips: readonly Trip[],
  installation: Installation,
): Promise<readonly Finding[]> {
  const relay = await openRelay(door);
  const findings: Finding[] = [];
  for (const { check, path, go } of trips) {
    try {
      const took = await timed(() => go(`${relay.url}${path}`, installation));
      findings.push({ check, result: "good", found: `${door}${path}: ${took} ms` });
    } catch (thrown) {
      findings.push({
        check,
        result: "failed",
        found: `${door}${path}: ${reasonOf(thrown).replaceAll(relay.url, door)}`,
        remedy: "broker status shows the doors; the broker's log says what it refused",
      });
    }
  }
  await relay.close();
  return [...findings, ...checkShown(door, relay.shown(), installation)];
}

/**
 * Checks the certificate that a door shows: its dates, its names, and whether it is the one in the file. A door goes on with its
 * old certificate until SIGHUP makes it read the new one. The check `certificate` reports a file that cannot be used.
 */
function checkShown(
  door: string,
  certificate: X509Certificate | undefined,
  { layered }: Installation,
): readonly Finding[] {
  if (certificate === undefined) return [];
  const check = "certificate shown";
  const dates = datesOf(certificate);
  const problem = dateProblem(dates, new Date());
  const valid: Finding =
    problem === undefined
      ? { check, result: "good", found: `${door}: valid until ${dates.validTo.toISOString()}` }
      : { check, result: problem.when === "over" ? "failed" : "warning", found: `${door}: it ${problem.words}` };
  const nameless = nameProblem(hostsOf(certificate));
  const shown: readonly Finding[] = [
    valid,
    ...(nameless === undefined ? [] : [{ check, result: "warning", found: `${door}: it ${nameless}` } as const]),
  ];
  const { tlsCert: cert, tlsKey: key } = layered?.config ?? {};
  if (cert === undefined || key === undefined) return shown;
  try {
    readTlsPair({ cert, key });
    if (readCertificate(cert).fingerprint === dates.fingerprint) return shown;
    return [
      ...shown,
      {
        check,
        result: "failed",
        found: `${door}: another than the one in ${cert}`,
        remedy: "kill -HUP the broker: it reads the file again",
      },
    ];
  } catch {
    return shown; // the certificate check says what is wrong with the files
  }
}

/**
 * A login in a dialect, by its phrasebook. A dialect that asks for a proof which this client has not got has answered,
 * too.
 */
function tripOf({
  name,
  title,
  paths: [path],
  phrasebook,
}: AnyDialect): readonly (Trip & { readonly dialect: string })[] {
  if (path === undefined || phrasebook === undefined) return [];
  const go = async (url: string, { data }: Installation): Promise<void> => {
    const token = readRegular(data.file("pan-token")).toString("utf8").trim();
    const agent = `doctor-${randomBytes(3).toString("hex")}`;
    try {
      const client = await PhrasebookClient.connect({
        url,
        dialect: phrasebook,
        name: agent,
        token,
        timeoutMs: withinMs,
      });
      await client.close();
    } catch (thrown) {
      const isProofWanted = thrown instanceof Fault && thrown.detail?.["refusal"] === phrasebook.proofWanted;
      if (phrasebook.proofWanted === undefined || !isProofWanted) throw thrown;
    }
  };
  return [{ dialect: name, check: title, path, go }];
}

async function page(url: string): Promise<void> {
  const answer = await fetch(url.replace(/^ws:/, "http:"), { signal: AbortSignal.timeout(withinMs) });
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${answer.status} ${body.split("\n")[0] ?? ""}`);
}
