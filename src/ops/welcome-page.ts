import { createHash } from "node:crypto";
import type { Clock } from "../core/index.js";
import type { Beginning, Directory } from "../directory/index.js";
import type { Answer, PageRequest, Pages } from "../websocket/edge/front-page.js";

/** What the page for browsers tells of. */
export interface WelcomeOptions {
  readonly clock: Clock;
  readonly directory: Pick<Directory, "glance">;
  /** The dialects in service, each with its paths, the usual one first. */
  readonly dialects: readonly { readonly title: string; readonly paths: readonly string[] }[];
  /** The ZeroMQ doors: where agents publish to, and where they subscribe. */
  readonly zmqDoors: () => { readonly in: readonly string[]; readonly out: readonly string[] };
  /** Agents without a token may come in over ZeroMQ. */
  readonly admitsClaims: boolean;
}

/** So many names of agents, and as many of rooms, stand on the page. */
const shownMax = 100;
/** The lists are made anew once in this time: a crowd may ask. */
const keptMs = 1_000;

const style =
  "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}" +
  "h1{margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}code{background:#f0f0f4;padding:.1rem .3rem}" +
  "th{text-align:left;font-weight:400;padding:.2rem 1rem .2rem 0}ul.many{columns:3 11rem;padding-left:1.2rem}" +
  "li{overflow-wrap:anywhere}small{color:#5b5b66}.warn{border-left:.3rem solid #b3541e;padding-left:.8rem}" +
  "@media(prefers-color-scheme:dark){body{color:#e8e8ee;background:#17171b}code{background:#2a2a32}" +
  "small{color:#a5a5b2}a{color:#8ab4ff}}";

/**
 * What keeps the page harmless whoever is named on it: no script and nothing from elsewhere, not even by mistake; no
 * other page may show it in a frame or read it.
 */
const headers: Readonly<Record<string, string>> = {
  "content-security-policy":
    `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
  vary: "Accept",
};

/**
 * Answers `/` for browsers: the doors, first steps, and on this machine who is here. It tells nobody more than they could
 * ask for without a token: names only where any program of this machine may ask `$broker` for them over TCP, nothing of
 * agents and rooms to other machines. Undefined for everything else: programs hear a line of text.
 */
export function welcomePage({ clock, directory, dialects, zmqDoors, admitsClaims }: WelcomeOptions): Pages {
  let kept: { readonly html: string; readonly at: number } | undefined;
  const crowd = (): string => {
    const now = clock.monotonic();
    if (kept === undefined || now - kept.at >= keptMs) kept = { html: crowdHtml(directory, clock.now()), at: now };
    return kept.html;
  };
  return (request) => {
    const { path, method, wantsHtml, isLocal, paths } = request;
    if (path !== "/" || !wantsHtml || (method !== "GET" && method !== "HEAD")) return undefined;
    const doors = dialects
      .map(({ title, paths: [own = "/"] }) => ({ title, own }))
      .filter(({ own }) => paths.includes(own))
      .map(({ title, own }): [string, string] => [title, `${request.isTls ? "wss" : "ws"}://${request.host}${own}`]);
    const zmq = isLocal ? zmqDoors() : { in: [], out: [] };
    const mayAsk = admitsClaims && zmq.in.some(isTcp) && zmq.out.some(isTcp);
    return page(
      [
        request.isOurs ? "" : unknownName(request.host),
        section(
          "Doors",
          table([...doors, ...rows("ZeroMQ, publish to", zmq.in), ...rows("ZeroMQ, subscribe at", zmq.out)]),
        ),
        section("First steps", isLocal ? stepsHere : stepsElsewhere),
        isLocal ? section("Who is here", mayAsk ? crowd() : crowdElsewhere) : "",
        section("For programs", probes(request)),
      ].join("\n"),
    );
  };
}

const isTcp = (url: string): boolean => url.startsWith("tcp:");

const stepsHere = `<ul>
<li>Is everything as it should be? <code>npx broker doctor</code></li>
<li>Say something to an agent and wait for its answer: <code>npx broker send NAME "hello" --wait</code></li>
<li>An agent of your own, in Python or TypeScript, takes a few lines: <code>README.md</code> and the files in <code>examples/</code></li>
<li>A bot logs in with a token: <code>npx broker token NAME</code></li>
<li>A web page as a bot: <code>examples/browser-bot.html</code>, <code>docs/browsers.md</code></li>
</ul>`;

const stepsElsewhere = `<ul>
<li>Bots log in with a token. Ask whoever runs this broker for one: <code>broker token NAME</code> makes it.</li>
<li>Clients and examples come with the package: <code>docs/remote-bots.md</code> for bots on other machines,
<code>docs/browsers.md</code> for web pages.</li>
</ul>`;

const crowdElsewhere = `<p>Here the page shows no names. In a terminal: <code>npx broker agents</code>, <code>npx broker rooms</code>.</p>`;

function unknownName(host: string): string {
  return `<p class="warn">This broker is not known as <code>${escaped(host)}</code>, so web pages cannot connect under this
name. If the name is right, start the broker with <code>--host ${escaped(host.replace(/:\d+$/, ""))}</code>.</p>`;
}

function probes({ isLocal }: PageRequest): string {
  const metrics = isLocal ? ', <a href="/metrics">/metrics</a> for Prometheus' : "";
  return `<p><a href="/healthz">/healthz</a> while the broker lives, <a href="/readyz">/readyz</a> while it takes work${metrics}.</p>`;
}

function crowdHtml(directory: WelcomeOptions["directory"], at: number): string {
  const { agents, rooms } = directory.glance(shownMax);
  const time = new Date(at).toISOString().slice(0, 19).replace("T", " ");
  return `<p>${counted(agents, "agent")}, ${counted(rooms, "public room")} on ${time} UTC; reload for news.</p>
${list(agents, ({ name, dialect, trust }) => `${isolated(name)} <small>${escaped(dialect)}, ${trust}</small>`)}
${list(rooms, ({ name, members }) => `${isolated(name)} <small>${number(members, "member")}</small>`)}`;
}

/** The beginning of a list; that there are more is said. */
function list<T>({ items, isAll }: Beginning<T>, item: (one: T) => string): string {
  const lines = items.map((one) => `<li>${item(one)}</li>`);
  if (!isAll) lines.push("<li>and more</li>");
  return lines.length === 0 ? "" : `<ul class="many">${lines.join("")}</ul>`;
}

function counted({ items, isAll }: Beginning<unknown>, what: string): string {
  return isAll ? number(items.length, what) : `more than ${number(items.length, what)}`;
}

function number(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? "" : "s"}`;
}

function rows(title: string, urls: readonly string[]): [string, string][] {
  return urls.map((url) => [title, url]);
}

function table(all: readonly (readonly [string, string])[]): string {
  const lines = all.map(([title, url]) => `<tr><th>${escaped(title)}</th><td><code>${escaped(url)}</code></td></tr>`);
  return `<table>${lines.join("")}</table>`;
}

function section(title: string, html: string): string {
  return `<h2>${title}</h2>\n${html}`;
}

function page(html: string): Answer {
  const body = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Synaptic Core</title><style>${style}</style></head>
<body>
<h1>Synaptic Core</h1>
<p>A message broker where AI agents meet. It is running.</p>
${html}
</body>
</html>
`;
  return { status: 200, type: "text/html; charset=utf-8", body, headers };
}

/** A name that somebody chose, whatever direction it is written in. */
function isolated(name: string): string {
  return `<bdi>${escaped(name)}</bdi>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${String(char.charCodeAt(0))};`);
}
