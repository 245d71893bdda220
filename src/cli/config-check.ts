import { existsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, resolve } from "node:path";
import { Problems, doorsOf, hostOf, mailboxesToProve, providerFileProblems, type Layered } from "../config/index.js";
import { Fault } from "../core/index.js";
import { DataDirectory, resolveDataDirectory } from "../storage/index.js";
import { readTlsPair } from "../websocket/edge/index.js";
import { readEndpoint } from "../zeromq/wire/index.js";
import { certificateHosts, dateProblem, nameProblem, readCertificate } from "./doctor/certificate.js";

/** The result of a check of a configuration: one text for each finding, with its remedy. */
export interface Checked {
  /** A start would fail. */
  readonly problems: readonly string[];
  /** A start would not fail, but something has to be done soon. */
  readonly warnings: readonly string[];
}

/** Checks everything in a configuration that a start would check. It makes no file and leaves no port open. */
export async function checkConfig(layered: Layered): Promise<Checked> {
  const data = new DataDirectory(resolveDataDirectory({ dataDir: layered.config.dataDir }));
  const problems = new Problems();
  problems.attempt(() => {
    data.inspect();
  }, undefined);
  for (const problem of providerFileProblems(layered.config, layered.nameOf)) problems.note(problem);
  return {
    problems: [...problems.texts, ...(await doorProblems(layered)), ...tlsProblems(layered)],
    warnings: [...certificateProblems(layered), ...mailboxWarnings(layered)],
  };
}

/** @throws Fault malformed if there are {@link doorProblems}, or if the data directory is not a folder */
export async function refuseWrongDoors(layered: Layered): Promise<void> {
  const path = resolveDataDirectory({ dataDir: layered.config.dataDir });
  if (existsSync(path) && !statSync(path).isDirectory())
    throw new Fault("malformed", `${layered.nameOf("dataDir")}: ${path} is not a folder; choose another`);
  (await findDoorProblems(layered)).throwIfAny();
}

/**
 * Doors that cannot be opened, one text for each with the option and the remedy. A port that another program uses now
 * is not a problem of the configuration.
 */
export async function doorProblems(layered: Layered): Promise<readonly string[]> {
  return (await findDoorProblems(layered)).texts;
}

async function findDoorProblems(layered: Layered): Promise<Problems> {
  const { config, nameOf } = layered;
  const problems = new Problems();
  const doors = doorsOf(config, resolveDataDirectory({ dataDir: config.dataDir }));
  for (const { path, url } of doors) {
    if (path.startsWith("zmq")) problems.attempt(() => readEndpoint(url), undefined);
    else if (url.includes("://"))
      problems.note(
        new Fault(
          "malformed",
          `${nameOf(path)}: ${url} is written without ${/^.*?:\/\//.exec(url)?.[0] ?? ""}: HOST:PORT`,
        ),
      );
  }
  const known = config.dialects.map((dialect) => dialect.name);
  for (const name of Object.keys(config.ownDoors)) {
    if (!known.includes(name))
      problems.note(
        new Fault("malformed", `${nameOf("ownDoors")}: there is no dialect ${name}; there are ${known.join(", ")}`),
      );
  }
  for (const problem of await unusableDoors(layered)) problems.note(problem);
  return problems;
}

function tlsProblems({ config: { tlsCert, tlsKey } }: Layered): readonly string[] {
  const problems = new Problems();
  if (tlsCert !== undefined && tlsKey !== undefined)
    problems.attempt(() => readTlsPair({ cert: tlsCert, key: tlsKey }), undefined);
  return problems.texts;
}

/**
 * Why clients refuse the certificate, or will soon: its dates, its names. A start accepts such a certificate, because
 * ZeroMQ agents must not wait for a new one.
 */
function certificateProblems(layered: Layered): readonly string[] {
  const {
    config: { tlsCert },
    nameOf,
  } = layered;
  if (tlsCert === undefined || tlsProblems(layered).length > 0) return [];
  return [dateProblem(readCertificate(tlsCert), new Date())?.words, nameProblem(certificateHosts(tlsCert))]
    .filter((words) => words !== undefined)
    .map((words) => `${nameOf("tlsCert")}: the certificate ${tlsCert} ${words}`);
}

function mailboxWarnings({ config, nameOf }: Layered): readonly string[] {
  const names = mailboxesToProve(config);
  if (names.length === 0) return [];
  return [
    `${nameOf("mailboxes")}: other machines reach the ZeroMQ doors, so what waits for ${names.join(", ")} is only for ` +
      `who proves that name: give each a token (broker token ${names[0] ?? "NAME"} --zmq)`,
  ];
}

/** A problem for each door whose host is not this machine's, or whose folder does not exist. */
async function unusableDoors({ config, nameOf }: Pick<Layered, "config" | "nameOf">): Promise<readonly Fault[]> {
  const found: Fault[] = [];
  const dataDir = resolveDataDirectory({ dataDir: config.dataDir });
  for (const { path, url } of doorsOf(config, dataDir)) {
    if (url.startsWith("ipc:///")) {
      const folder = dirname(url.slice("ipc://".length));
      // The data directory itself is made at the start.
      if (resolve(folder) !== dataDir && !existsSync(folder))
        found.push(
          new Fault(
            "malformed",
            `${nameOf(path)}: ${url}: there is no folder ${folder}; ` +
              `make it (mkdir -m 700 ${folder}), or choose another path`,
          ),
        );
    }
    if (url.startsWith("ipc://") || (!path.startsWith("zmq") && url.includes("://"))) continue;
    const host = hostOf(url.replace(/^tcp:\/\//, ""));
    const code = host === "*" ? undefined : await whyUnusable(host);
    if (code !== undefined)
      found.push(
        new Fault(
          "malformed",
          `${nameOf(path)}: ${url}: ${wordsOf(host, code)}; ` +
            "write an address of this machine: 127.0.0.1, or 0.0.0.0 for all of them",
        ),
      );
  }
  return found;
}

/** The system's error code; undefined if this machine can listen there. */
function whyUnusable(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? error.message);
    });
    server.listen(0, host, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

function wordsOf(host: string, code: string): string {
  switch (code) {
    case "ENOTFOUND":
      return `there is no machine called ${host}`;
    case "EAI_AGAIN":
      return `the name ${host} cannot be looked up now`;
    case "EADDRNOTAVAIL":
      return `${host} is not an address of this machine`;
    default:
      return `this machine cannot listen at ${host} (${code})`;
  }
}
