import type { StreamName } from "./events.js";
import { isFields, type Fields } from "./fields.js";
import type { FullOptions, Version } from "./options.js";
import type { Algorithm } from "./platform.js";

/** What the broker has granted. */
export interface Session {
  readonly sessionId: string;
  /** Of `binary`, `compression`, `multiplexing`. */
  readonly capabilities: readonly string[];
  /** The version that was negotiated; undefined: none was. */
  readonly version: Version | undefined;
  readonly compression: { readonly algorithm: Algorithm; readonly level: number } | undefined;
  readonly streams: readonly StreamName[];
  readonly positionRate: number | undefined;
  /** Milliseconds. */
  readonly heartbeatInterval: number;
  /** ISO 8601. */
  readonly serverTime: string | undefined;
}

const features: Readonly<Record<Version, readonly string[]>> = {
  "1.0": ["basic"],
  "1.1": ["compression", "binary"],
  "2.0": ["multiplexing"],
};
const versions: readonly Version[] = ["1.0", "1.1", "2.0"];
const heartbeatDefaultMs = 30_000;

/** What is said first on a connection, and what was granted (Visualisation §1.5–1.7). */
export class Greeting {
  readonly #options: FullOptions;
  readonly #algorithms: readonly Algorithm[];
  readonly #newId: () => string;
  #streams: readonly StreamName[] | undefined;
  #positionRate: number | undefined;
  // bound: three, those of one connection · evicts: with the next connection · owner: Greeting
  #ids = new Set<string>();
  #version: Version | undefined;
  #compression: Session["compression"];

  /** @param algorithms those that can be opened here */
  constructor(options: FullOptions, algorithms: readonly Algorithm[], newId: () => string) {
    this.#options = options;
    this.#newId = newId;
    const { compression } = options;
    const wanted = compression === true ? algorithms : compression === false ? [] : compression;
    this.#algorithms = wanted.filter((each) => algorithms.includes(each));
    this.#streams = options.streams;
    this.#positionRate = options.positionRate;
  }

  /** True for what was said first on this connection. */
  has(id: string | undefined): boolean {
    return id !== undefined && this.#ids.has(id);
  }

  /** What comes on the connections to come. */
  select(streams: readonly StreamName[], positionRate: number | undefined): void {
    this.#streams = streams;
    this.#positionRate = positionRate ?? this.#positionRate;
  }

  /** @param token it could not go along with the connection @param now wall clock, milliseconds */
  messages(token: string | undefined, now: number): readonly Fields[] {
    const { version, clientId, compressionLevel, binary, multiplexing } = this.#options;
    this.#ids = new Set();
    this.#version = undefined;
    this.#compression = undefined;
    const isCompressed = this.#algorithms.length > 0;
    const capabilities = [
      ...(binary ? ["binary"] : []),
      ...(isCompressed ? ["compression"] : []),
      ...(multiplexing ? ["multiplexing"] : []),
    ];
    const timestamp = new Date(now).toISOString();
    const own = (type: string, fields: Fields): Fields => {
      const id = this.#newId();
      this.#ids.add(id);
      return { id, type, timestamp, ...fields };
    };
    return [
      ...(version === undefined
        ? []
        : [own("version.negotiate", { supported: known(version), preferred: version, features })]),
      ...(isCompressed
        ? [own("compression.negotiate", { algorithms: this.#algorithms, preferredLevel: compressionLevel })]
        : []),
      own("handshake", {
        version: version === undefined ? "2.0.0" : `${version}.0`,
        capabilities,
        clientId,
        ...(token !== undefined && { token }),
        ...(this.#streams !== undefined && { streams: this.#streams }),
        ...(this.#positionRate !== undefined && { positionRate: this.#positionRate }),
      }),
    ];
  }

  versionSelected({ version }: Fields): void {
    this.#version = versions.find((each) => each === version);
  }

  /** @returns what batches are compressed by from now on */
  compressed({ algorithm, level }: Fields): Algorithm | undefined {
    const granted = this.#algorithms.find((each) => each === algorithm);
    this.#compression = granted === undefined ? undefined : { algorithm: granted, level: Number(level) };
    return granted;
  }

  session(ack: Fields): Session {
    const { sessionId, capabilities, streams, positionRate, heartbeatInterval, serverTime } = ack;
    const texts = (value: unknown): readonly string[] =>
      Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
    return {
      sessionId: String(sessionId),
      capabilities: texts(capabilities),
      version: this.#version,
      compression: isFields(this.#compression) ? this.#compression : undefined,
      streams: texts(streams) as readonly StreamName[],
      positionRate: typeof positionRate === "number" ? positionRate : undefined,
      heartbeatInterval:
        typeof heartbeatInterval === "number" && heartbeatInterval > 0 ? heartbeatInterval : heartbeatDefaultMs,
      serverTime: typeof serverTime === "string" ? serverTime : undefined,
    };
  }
}

/** The versions up to one. */
function known(version: Version): readonly Version[] {
  return versions.slice(0, versions.indexOf(version) + 1);
}
