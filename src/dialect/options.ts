import { z } from "zod";
import { Fault } from "../core/index.js";
import type { WebhookHost } from "../telemetry/telemetry.js";
import type { AnyDialect } from "./dialect.js";

/** A limit of a dialect: a number from 0 with its default, and what it bounds. The unit stands in its name. */
export function limit(value: number, bounds: string): z.ZodDefault<z.ZodNumber> {
  return z.number().min(0).default(value).describe(bounds);
}

/**
 * The setting `contacts` of a dialect, which the broker itself obeys: with `listed` its agents have to do with approved
 * contacts only, whatever those speak (protocols §1.20).
 */
export const contactsSetting = z
  .enum(["open", "listed"])
  .default("open")
  .describe("listed: agents have to do only with those that broker contacts add has approved; open: with all.");

/** The dialects whose settings say `contacts: "listed"`, and those whose agents seal what they say to each other. */
export function contactsOf(
  settings: Readonly<Record<string, object>>,
  dialects: readonly Pick<AnyDialect, "name" | "seals">[],
): { readonly listedIn: ReadonlySet<string>; readonly sealedIn: ReadonlySet<string> } {
  const listed = Object.entries(settings).filter(([, own]) => "contacts" in own && own.contacts === "listed");
  return {
    listedIn: new Set(listed.map(([name]) => name)),
    sealedIn: new Set(dialects.filter(({ seals }) => seals === true).map(({ name }) => name)),
  };
}

/** After a host in {@link webhookHostsSetting}: it may have an address of this machine or of a private network. */
const privateMark = "=private";

/**
 * The setting `webhookHosts` of a dialect: where the broker may POST what comes of a command (Visualisation §5.4).
 */
export const webhookHostsSetting = z
  .array(
    z
      .string()
      .refine(
        (text) => webhookHostOf(text) !== undefined,
        "write it as HOST, HOST:PORT or HOST:PORT=private, without https://",
      ),
  )
  .max(100)
  .default([])
  .describe(
    "Hosts to which answers may be POSTed by https: HOST or HOST:PORT, with =private behind it where its address may be private.",
  );

/** The hosts that the settings of all dialects list. */
export function webhookHostsOf(settings: Readonly<Record<string, object>>): readonly WebhookHost[] {
  return Object.values(settings).flatMap((own) => {
    const { data = [] } = z.array(z.string()).safeParse("webhookHosts" in own ? own.webhookHosts : []);
    return data.flatMap((text) => webhookHostOf(text) ?? []);
  });
}

/** A listed host; undefined if the text is none. */
function webhookHostOf(text: string): WebhookHost | undefined {
  const isPrivate = text.endsWith(privateMark);
  const host = isPrivate ? text.slice(0, -privateMark.length) : text;
  if (host === "" || /[\s/\\?#@*,]/.test(host) || !URL.canParse(`https://${host}`)) return undefined;
  return { host: new URL(`https://${host}`).host, isPrivate };
}

/** A dialect as far as its limits are concerned. */
type Limiting = Pick<AnyDialect, "name" | "limits">;

/**
 * The limits of dialects by name, each at its default.
 * @param fileOf the file that a dialect was loaded from, for the error text
 * @param taken names that are the broker's own
 * @throws Fault conflict if two dialects name one alike, or one of the broker's, with the dialects and their files
 */
export function limitsOf<D extends Limiting>(
  dialects: readonly D[],
  fileOf: (dialect: D) => string | undefined = () => undefined,
  taken: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, number>> {
  const all: Record<string, number> = {};
  const called = (dialect: D): string => {
    const file = fileOf(dialect);
    return `the dialect ${dialect.name}${file === undefined ? "" : ` (${file})`}`;
  };
  for (const dialect of dialects) {
    for (const [key, value] of Object.entries(dialect.limits?.parse({}) ?? {})) {
      const owner = dialects.find((other) => Object.hasOwn(other.limits?.shape ?? {}, key));
      if (Object.hasOwn(taken, key) || Object.hasOwn(all, key))
        throw new Fault(
          "conflict",
          `${called(dialect)} names a limit ${key}, which ` +
            `${Object.hasOwn(taken, key) || owner === undefined ? "the broker" : called(owner)} has already; rename it`,
        );
      all[key] = Number(value);
    }
  }
  return all;
}

/** The settings of dialects by the dialect's name, each at its default. Dialects without settings are left out. */
export function settingsOf(
  dialects: readonly Pick<AnyDialect, "name" | "settings">[],
): Readonly<Record<string, object>> {
  return Object.fromEntries(
    dialects.flatMap(({ name, settings }) => (settings === undefined ? [] : [[name, settings.parse({})] as const])),
  );
}
