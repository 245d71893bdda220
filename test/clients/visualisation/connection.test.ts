import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Viewer, type ViewerError, type ViewerOptions } from "../../../clients/typescript/visualisation/index.js";
import { VisualisationServer } from "../../kit/visualisation-server.js";

/** A token that ends in so many milliseconds; nobody here verifies it. */
function jwt(endsInMs: number, more: object = {}): string {
  const claims = Buffer.from(JSON.stringify({ exp: (Date.now() + endsInMs) / 1_000, ...more })).toString("base64url");
  return `h.${claims}.s`;
}

describe("a viewer's connection", () => {
  let server: VisualisationServer;
  let viewer: Viewer | undefined;
  beforeEach(async () => {
    server = await VisualisationServer.start();
    viewer = undefined;
  });
  afterEach(async () => {
    await viewer?.close();
    await server.stop();
  });

  const viewing = (options: Partial<ViewerOptions> = {}): Viewer => {
    viewer = new Viewer(server.url, { token: "secret", ...options });
    return viewer;
  };
  /** Refuses each login. */
  const refuses = (code: number): void => {
    server.answers["handshake"] = (message, line) => {
      if (code === 4401) line.answer(message, "error", { code: "AUTH_FAILED", message: "this token has ended" });
      line.socket.close(code);
    };
  };

  it("is there again at once after a loss, and says so", async () => {
    const told: string[] = [];
    const looking = viewing();
    looking.onOpen = ({ sessionId }) => told.push(`open ${sessionId}`);
    looking.onClosed = ({ code }, willRetry) => told.push(`${code} ${String(willRetry)}`);
    await looking.connect();
    const again = server.next();
    server.last.socket.close(1001);
    await again;
    await looking.connect();
    expect(told).toEqual(["open s-1", "CONNECTION_FAILED true", "open s-1"]);
    expect(server.lines).toHaveLength(2);
  });

  it("forgets numbers of agents with it: they may be another's now", async () => {
    const looking = viewing();
    await looking.connect();
    const registered = new Promise((resolve) => looking.on("agent.registered", resolve));
    server.last.event("agent.registered", { id: 1, agentId: "ada", name: "ada" });
    await registered;
    expect(looking.agents).toHaveLength(1);
    const again = server.next();
    server.last.socket.terminate();
    await again;
    await looking.connect();
    expect(looking.agents).toEqual([]);
  });

  it.each([4401, 4409])("is not made again after %i", async (code) => {
    const looking = viewing();
    await looking.connect();
    const closed = new Promise<string>((resolve) => {
      looking.onClosed = (error, willRetry) => {
        resolve(`${error.code} ${String(willRetry)}`);
      };
    });
    server.last.socket.close(code);
    expect(await closed).toBe(code === 4401 ? "AUTH_FAILED false" : "CONNECTION_FAILED false");
    expect(server.lines).toHaveLength(1);
    await looking.connect(); // by hand it is
    expect(server.lines).toHaveLength(2);
  });

  it("says which token would do where one is refused", async () => {
    refuses(4401);
    await expect(viewing().connect()).rejects.toMatchObject({
      code: "AUTH_FAILED",
      message: expect.stringMatching(/^this token has ended; give a token that may look/) as string,
    });
    expect(server.lines).toHaveLength(1);
  });

  it("fetches a fresh token three times before it gives up", async () => {
    refuses(4401);
    let calls = 0;
    const looking = viewing({ token: () => `token-${String((calls += 1))}` });
    const failures: ViewerError[] = [];
    const over = new Promise<void>((resolve) => {
      looking.onFailed = (error) => {
        failures.push(error);
        if (failures.length === 3) resolve();
      };
    });
    await expect(looking.connect()).rejects.toMatchObject({ code: "AUTH_FAILED" });
    await over;
    expect(server.lines.map(({ request }) => request.headers.authorization)).toEqual([
      "Bearer token-1",
      "Bearer token-2",
      "Bearer token-3",
    ]);
    expect(failures.at(-1)?.message).toContain("has to bring one that has not ended");
  });

  it("renews its token before that ends, where a function brings it", async () => {
    let calls = 0;
    const refreshed = new Promise((resolve) => {
      server.answers["auth.refresh"] = resolve;
    });
    await viewing({ token: () => jwt(1_500, { n: (calls += 1) }) }).connect();
    expect(await refreshed).toMatchObject({ type: "auth.refresh", payload: { token: expect.any(String) as string } });
    expect(calls).toBe(2);
  });

  it("tells what goes wrong with the function that brings tokens", async () => {
    const failing = () => Promise.reject(new Error("the vault is shut"));
    await expect(viewing({ token: failing }).connect()).rejects.toThrow("the vault is shut");
  });

  it("gives up where the handshake itself is refused", async () => {
    server.answers["version.negotiate"] = (message, line) => {
      line.answer(message, "error", { code: "INVALID_MESSAGE", message: "known are 1.0 and 1.1" });
    };
    delete server.answers["handshake"];
    await expect(viewing({ version: "2.0" }).connect()).rejects.toMatchObject({
      code: "INVALID_MESSAGE",
      message: "known are 1.0 and 1.1",
    });
    expect(server.lines).toHaveLength(1);
  });

  it("is made again where nothing is heard, not even the echo of a heartbeat", async () => {
    delete server.answers["heartbeat"];
    const looking = viewing({ heartbeatMs: 40 });
    await looking.connect();
    const lost = new Promise<string>((resolve) => {
      looking.onClosed = ({ message }) => {
        resolve(message);
      };
    });
    const again = server.next();
    expect(await lost).toContain("nothing was heard");
    await again;
  });

  it("lives while heartbeats are echoed, and while anything else comes", async () => {
    const looking = viewing({ heartbeatMs: 20 });
    await looking.connect();
    const beats = (): number => server.last.types.filter((type) => type === "heartbeat").length;
    while (beats() < 4) await new Promise((resolve) => setTimeout(resolve, 5));
    delete server.answers["heartbeat"];
    server.answers["heartbeat"] = (_message, line) => {
      line.event("system.metrics", {});
    };
    while (beats() < 8) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(server.lines).toHaveLength(1);
  });

  it("is given up for now where the handshake is not answered, and tried again", async () => {
    const answer = server.answers["handshake"];
    delete server.answers["handshake"];
    const looking = viewing({ connectTimeoutMs: 50 });
    const again = server.next().then(() => server.next());
    await expect(looking.connect()).rejects.toThrow("no answer within 50 ms");
    server.answers["handshake"] = answer;
    await again;
    await looking.connect();
  });

  it("says where nobody is, and is closed while it waits", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => listener.once("listening", resolve));
    const { port } = listener.address() as AddressInfo;
    await new Promise((resolve) => listener.close(resolve));
    viewer = new Viewer(`ws://127.0.0.1:${String(port)}/agents/ws`, { token: "x" });
    await expect(viewer.connect()).rejects.toThrow(/ECONNREFUSED.*is the broker running there\?/);
  });
});
