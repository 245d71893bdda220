import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Hello } from "../../../src/dialect/index.js";
import { chooseSubprotocol } from "../../../src/websocket/edge/upgrade.js";
import { eventually } from "../../kit/broker.js";
import { WsWorld } from "../../kit/ws-world.js";

const token = "eyJhbGciOiJFZERTQSJ9.s3cr3t_payload-0123456789.c2ln";

/** The lines of an upgrade that offers these subprotocols. */
const upgrade = (path: string, offered: string, more: readonly string[] = []): string =>
  [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    `Sec-WebSocket-Protocol: ${offered}`,
    ...more,
    "",
    "",
  ].join("\r\n");

describe("a token that comes as a subprotocol", () => {
  let world: WsWorld;
  beforeEach(async () => {
    world = new WsWorld();
    await world.edge.start();
  });
  afterEach(() => world.stop());

  /** What the server writes until it has answered, byte for byte. */
  const answerTo = async (head: string): Promise<string> => {
    const socket = await world.bare();
    let answer = "";
    const come = new Promise<void>((resolve) => {
      socket.on("data", (bytes: Buffer) => {
        answer += bytes.toString("latin1");
        if (answer.includes("\r\n\r\n")) resolve();
      });
      socket.on("close", resolve);
    });
    socket.write(head);
    await come;
    return answer;
  };
  const helloOf = async (): Promise<Hello> => {
    await eventually(() => world.accepted.length > 0, "the connection is accepted");
    const [accepted] = world.accepted;
    if (accepted === undefined) throw new Error("nobody has connected");
    return accepted.hello;
  };

  it.each([
    ["/pan", `bearer.${token}, pan.v1`, "pan.v1"],
    ["/pan", `pan.v1, bearer.${token}`, "pan.v1"],
    ["/", `bearer.${token}, x, other.v1`, "other.v1"],
    ["/pan", `bearer.${token}`, undefined],
  ])("is heard at %s of %s, and neither selected, nor echoed, nor logged", async (path, offered, selected) => {
    const answer = await answerTo(upgrade(path, offered));
    const hello = await helloOf();
    expect([hello.bearer, hello.subprotocol]).toEqual([token, selected]);
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(/^sec-websocket-protocol: (.*)$/im.exec(answer)?.[1]?.trim()).toBe(selected);
    for (const text of [answer, JSON.stringify(world.logged), hello.path]) expect(text).not.toContain("s3cr3t");
  });

  it.each([
    ["/nowhere", `bearer.${token}, pan.v1`, 404],
    ["/pan", `bearer.${token}, pan.v1, bearer.${token}`, 400],
    ["/pan", `bearer.${token} ${token}, pan.v1`, 400],
  ])("is not in what refuses the upgrade at %s of %s", async (path, offered, status) => {
    const answer = await answerTo(upgrade(path, offered));
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${String(status)} `));
    for (const text of [answer, JSON.stringify(world.logged)]) expect(text).not.toContain("s3cr3t");
  });

  it("comes beside the other headers of the upgrade, as what a client can take", async () => {
    await answerTo(upgrade("/pan", "pan.v1", ["X-Requested-Protocols: binary,json", "X-Client-Version: 1.0.0"]));
    const { headers } = await helloOf();
    expect([headers["x-requested-protocols"], headers["x-client-version"]]).toEqual(["binary,json", "1.0.0"]);
  });

  it("is no dialect's name, whatever a dialect calls itself", () => {
    const dialects = [{ name: "evil", paths: ["/evil"], subprotocols: [`bearer.${token}`, "evil.v1"] }];
    expect(chooseSubprotocol(`bearer.${token}, evil.v1`, "/evil", dialects)).toBe("evil.v1");
    expect(chooseSubprotocol(`bearer.${token}`, "/", dialects)).toBeUndefined();
  });
});
