import { get, type IncomingHttpHeaders } from "node:http";
import { hostname } from "node:os";
import { text as bodyOf } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../src/conformance/fake-clock.js";
import { welcomePage, type WelcomeOptions } from "../../src/ops/index.js";
import { Agent, type BrokerOptions } from "../../src/index.js";
import type { Answer, PageRequest } from "../../src/websocket/edge/index.js";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { openWorld, type World } from "../kit/directory-world.js";
import { httpOf } from "./kit.js";

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

describe("the page for browsers", () => {
  const doors = { in: ["tcp://127.0.0.1:5555"], out: ["tcp://127.0.0.1:5556"] };
  const request: PageRequest = {
    method: "GET",
    path: "/",
    remote: "127.0.0.1",
    isLocal: true,
    wantsHtml: true,
    host: "127.0.0.1:8080",
    isOurs: true,
    isTls: false,
    paths: ["/", "/pan"],
    bearer: undefined,
    ifNoneMatch: undefined,
  };

  /** What a page says of a world to one request. */
  function pages(
    { directory }: Pick<World, "directory">,
    more: Partial<WelcomeOptions> = {},
  ): (asked?: Partial<PageRequest>) => string | undefined {
    const page = welcomePage({
      clock: new FakeClock(),
      directory,
      dialects: [
        { title: "PAN", paths: ["/pan"] },
        { title: "Bar", paths: ["/bar"] },
      ],
      zmqDoors: () => doors,
      admitsClaims: true,
      ...more,
    });
    return (asked) => (page({ ...request, ...asked }) as Answer | undefined)?.body;
  }

  it("shows on this machine the doors, who is here, and public rooms", async () => {
    const world = openWorld();
    const ada = world.arrive("ada");
    world.directory.join(ada, "#lab", { create: true });
    await world.directory.create(ada, "#secret", { inviteOnly: true });
    const page = pages(world)();
    for (const words of ["ws://127.0.0.1:8080/pan", "tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556", ">ada<", ">#lab<"])
      expect(page).toContain(words);
    expect(page).toContain("1 agent, 3 public rooms");
    for (const words of ["#secret", "/bar"]) expect(page).not.toContain(words);
  });

  it("names nobody and no ZeroMQ door to other machines, and shows the address that they used", () => {
    const world = openWorld();
    world.directory.join(world.arrive("ada"), "#lab", { create: true });
    const page = pages(world)({ isLocal: false, isTls: true, host: "broker.lan:8443", remote: "192.0.2.1" });
    expect(page).toContain("wss://broker.lan:8443/pan");
    for (const words of ["ada", "#lab", "tcp://", "1 agent", "/metrics"]) expect(page).not.toContain(words);
  });

  it("names nobody where nobody may ask without a token", () => {
    const world = openWorld();
    world.directory.join(world.arrive("ada"), "#lab", { create: true });
    const ipc = { in: ["ipc:///run/in.sock"], out: ["ipc:///run/out.sock"] };
    for (const page of [pages(world, { admitsClaims: false }), pages(world, { zmqDoors: () => ipc })]) {
      expect(page()).toContain("broker agents");
      for (const words of [">ada<", "#lab"]) expect(page()).not.toContain(words);
    }
  });

  it("cannot be made to say anything but names by who chooses them", () => {
    const world = openWorld();
    for (const name of ["<script>alert(1)</script>", `"'&amp;`, "</ul></body>"]) world.arrive(name);
    const page = pages(world)({ host: `<img src=x>"'`, isOurs: false });
    for (const words of ["<script", "<img", "&amp;", "</ul></body>"]) expect(page).not.toContain(words);
    expect(page).toContain("&#60;script&#62;alert(1)&#60;/script&#62;");
    expect(page).toContain("not known as <code>&#60;img src=x&#62;&#34;&#39;</code>");
  });

  it("shows a hundred of many, and looks once a second at most", () => {
    const world = openWorld();
    for (let n = 0; n < 1_000; n += 1) world.directory.join(world.arrive(`agent-${n}`), `#room-${n}`, { create: true });
    let looks = 0;
    const directory = {
      glance: (most: number) => {
        looks += 1;
        return world.directory.glance(most);
      },
    };
    const clock = new FakeClock();
    const page = pages(world, { clock, directory });
    const body = page() ?? "";
    expect(body).toContain("more than 100 agents, more than 100 public rooms");
    expect(body.match(/>agent-/g)).toHaveLength(100);
    expect(body).toContain(">agent-99<");
    for (let n = 0; n < 1_000; n += 1) page();
    expect(looks).toBe(1);
    clock.advance(1_000);
    page();
    expect(looks).toBe(2);
  });

  it("leaves everything else to others", () => {
    const page = pages(openWorld());
    for (const asked of [{ path: "/pan" }, { wantsHtml: false }, { method: "POST" }])
      expect(page(asked)).toBeUndefined();
    expect(page({ method: "HEAD" })).toBeDefined();
  });
});

describe("the page for browsers, over HTTP", () => {
  let at: TestBroker;
  afterEach(() => at.stop());

  interface Heard {
    readonly status: number | undefined;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  /** Asks for `/` with these headers. */
  const ask = (headers: Readonly<Record<string, string>>, path = "/"): Promise<Heard> =>
    new Promise((resolve, reject) => {
      get(`${httpOf(at.pan)}${path}`, { headers }, (answer) => {
        bodyOf(answer).then((body) => {
          resolve({ status: answer.statusCode, headers: answer.headers, body });
        }, reject);
      }).once("error", reject);
    });
  const begin = async (options: BrokerOptions = {}): Promise<Agent> => {
    at = await startBroker(options);
    return at.broker.agent("ada");
  };

  it("comes with headers that allow no script, no frame and no reader of elsewhere", async () => {
    await begin();
    const { status, headers, body } = await ask({ accept: browser });
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "cross-origin-resource-policy": "same-origin",
      "cache-control": "no-store",
      vary: "Accept",
    });
    expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    expect(body).toContain(">ada<");
    expect(body).toContain(at.pan);
    expect(body).not.toContain("<script");
  });

  it("is a line of text for programs", async () => {
    await begin();
    for (const accept of ["*/*", "application/json", "text/plain, text/html;q=0", "text/htmlx"]) {
      const { headers, body } = await ask({ accept });
      expect(headers["content-type"]).toBe("text/plain; charset=utf-8");
      expect(body).toContain("message broker where agents meet");
    }
  });

  it("names nobody to what came through somebody else, or under a foreign name", async () => {
    await begin({ hosts: ["broker.example"] });
    for (const headers of [
      { "x-forwarded-for": "192.0.2.1" },
      { forwarded: "for=192.0.2.1" },
      { via: "1.1 proxy" },
      { host: "rebound.example" },
      // A tunnel that says nothing: its users ask for the address or the name where it listens.
      { host: "192.0.2.2:8080" },
      { host: "[2001:db8::2]:8080" },
      { host: "broker.example" },
      { host: `${hostname()}:8080` },
    ]) {
      const { body } = await ask({ accept: browser, ...headers });
      expect(body).toContain("Synaptic Core");
      expect(body).not.toContain(">ada<");
      expect((await ask({ ...headers }, "/metrics")).status).toBe(403);
    }
    expect((await ask({ accept: browser, host: "rebound.example" })).body).toContain("--host rebound.example");
  });

  it("names nobody behind a proxy, nor where ZeroMQ wants tokens, and shows the proxy's address", async () => {
    await begin({ behindProxy: true });
    const proxied = await ask({ accept: browser, host: "127.0.0.1", "x-forwarded-for": "192.0.2.1" });
    expect(proxied.body).not.toContain(">ada<");
    expect(proxied.body).toContain("wss://127.0.0.1/pan");
    expect((await ask({ accept: browser })).body).not.toContain(">ada<");
    await at.stop();
    await begin({ zmqAuth: "required" });
    const { body } = await ask({ accept: browser });
    expect(body).not.toContain(">ada<");
    expect(body).toContain("broker agents");
  });
});
