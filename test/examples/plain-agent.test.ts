import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Subscriber, XPublisher } from "zeromq";
import { runCli, startProgram, type Program } from "../kit/cli.js";
import { startBroker, type TestBroker } from "../kit/broker.js";

const program = fileURLToPath(new URL("../../examples/plain_agent.py", import.meta.url));
const start = (...args: string[]): Program => startProgram("/usr/bin/python3", [program, ...args]);

describe("the plain Python agent", () => {
  let at: TestBroker;
  beforeEach(async () => {
    at = await startBroker();
  });
  afterEach(async () => {
    await at.stop();
  });

  it("says that its name is refused, and ends", async () => {
    expect((await runCli(["token", "zed", "--data-dir", at.dataDir])).code).toBe(0);
    const { code, stdout, stderr } = await start("zed", at.zmqIn, at.zmqOut).ended;
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(/^zed is refused: the name zed has an owner.*\n$/);
  });

  it("says how an address is written", async () => {
    const { code, stderr } = await start("ada", at.zmqIn, "6612").ended;
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^cannot connect to 6612: .*tcp:\/\/HOST:PORT.*\n$/)]);
  });

  it("answers another that asks, and one that asks nobody hears why not", async () => {
    const claude = start("claude", at.zmqIn, at.zmqOut);
    try {
      await claude.prints(/claude is ready/);
      expect(await start("ada", at.zmqIn, at.zmqOut, "--ask", "claude", "are you there?").ended).toEqual({
        code: 0,
        stdout: "claude heard: are you there?\n",
        stderr: "",
      });
      const alone = await start("bob", at.zmqIn, at.zmqOut, "--ask", "nobody", "are you there?").ended;
      expect([alone.code, alone.stdout]).toEqual([1, ""]);
      expect(alone.stderr).toMatch(/^no agent nobody is here/);
    } finally {
      expect(await claude.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
    }
  });
});

interface Heard {
  readonly message_id: string;
  readonly in_reply_to?: string;
  readonly type: string;
  readonly to: string;
  readonly content: { readonly message: string };
}

/** Two doors without a broker behind them: what the agent hears, and when, is the test's. */
class Doors {
  readonly #in = new Subscriber();
  readonly #out = new XPublisher();

  static async open(): Promise<Doors> {
    const doors = new Doors();
    doors.#in.subscribe();
    await doors.#in.bind("tcp://127.0.0.1:0");
    await doors.#out.bind("tcp://127.0.0.1:0");
    return doors;
  }

  get addresses(): [string, string] {
    return [this.#in.lastEndpoint ?? "", this.#out.lastEndpoint ?? ""];
  }

  /** Waits until the agent's subscription has come: from then on it hears. */
  async subscribed(): Promise<void> {
    await this.#out.receive();
  }

  async hear(): Promise<Heard> {
    const [, payload] = await this.#in.receive();
    return JSON.parse(payload?.toString() ?? "") as Heard;
  }

  async hearUntil(wanted: (heard: Heard) => boolean): Promise<Heard> {
    for (;;) {
      const heard = await this.hear();
      if (wanted(heard)) return heard;
    }
  }

  /** Says something to claude, byte for byte if it is a text. */
  async say(said: string | object): Promise<void> {
    await this.#out.send(["claude", typeof said === "string" ? said : JSON.stringify(said)]);
  }

  close(): void {
    this.#in.close();
    this.#out.close();
  }
}

describe("the plain Python agent at doors of the test", () => {
  let doors: Doors;
  let claude: Program;
  beforeEach(async () => {
    doors = await Doors.open();
    claude = start("claude", ...doors.addresses);
    await doors.subscribed();
  });
  afterEach(async () => {
    await claude.stop("SIGKILL");
    doors.close();
  });
  const isAnswer = ({ type }: Heard): boolean => type === "response";

  it("asks under one id, takes nothing else for the answer and loses nothing that came before it", async () => {
    const first = await doors.hear();
    const second = await doors.hear();
    expect([first.to, second.message_id]).toEqual(["$broker", first.message_id]);
    await doors.say({ message_id: "1", from: "early", type: "request", content: { message: "first!" } });
    await doors.say({
      message_id: "2",
      from: "$broker",
      type: "inform",
      in_reply_to: "an older question",
      content: { kind: "fault", message: "no", data: { code: "not-found" } },
    });
    await doors.hear();
    await doors.hear();
    await doors.say({
      message_id: "3",
      from: "$broker",
      type: "response",
      in_reply_to: first.message_id,
      content: { message: "pong", kind: "ping" },
    });
    expect(await doors.hearUntil(isAnswer)).toMatchObject({
      to: "early",
      in_reply_to: "1",
      content: { message: "claude heard: first!" },
    });
    expect(await claude.prints(/\$broker inform/)).toMatch(/^claude is ready\nearly request: first!\n/);
  });

  it("reads a content that is a text, skips what cannot be read and goes on", async () => {
    const { message_id } = await doors.hear();
    await doors.say({
      message_id: "1",
      from: "$broker",
      type: "response",
      in_reply_to: message_id,
      content: { message: "pong" },
    });
    const unreadable: (string | object)[] = [
      "{",
      "[]",
      "null",
      "[".repeat(100_000),
      { from: "bob", type: "request" },
      { message_id: "2", from: 7, type: "request", content: "x" },
    ];
    for (const content of [undefined, null, 5, [], {}, { message: {} }])
      unreadable.push({ message_id: "3", from: "bob", type: "request", content });
    for (const said of unreadable) await doors.say(said);
    await doors.say({ message_id: "4", from: "bob", type: "request", content: "just a text \ud800" });
    expect(await doors.hearUntil(isAnswer)).toMatchObject({ to: "bob", in_reply_to: "4" });
    await doors.say({ message_id: "5", from: "bob", type: "request", content: { message: "the end" } });
    expect(await doors.hearUntil(isAnswer)).toMatchObject({
      in_reply_to: "5",
      content: { message: "claude heard: the end" },
    });
    expect(await claude.stop("SIGINT")).toMatchObject({ code: 0, stderr: "" });
  });

  it("skips requests that nobody waits for any more, and counts them", async () => {
    const { message_id } = await doors.hear();
    await doors.say({ message_id: "1", from: "$broker", type: "response", in_reply_to: message_id, content: "pong" });
    const late = { from: "bob", type: "request", content: "quick?" };
    for (const expires_at of ["2020-01-01T00:00:00Z", "2020-01-01T02:00:00+02:00"])
      await doors.say({ ...late, message_id: expires_at, expires_at });
    for (const expires_at of ["9999-01-01T00:00:00Z", "no time", null])
      await doors.say({ ...late, message_id: `answered ${String(expires_at)}`, expires_at });
    for (const time of ["9999-01-01T00:00:00Z", "no time", "null"])
      expect(await doors.hearUntil(isAnswer)).toMatchObject({ in_reply_to: `answered ${time}` });
    expect((await claude.stop("SIGINT")).stderr).toMatch(/^1 requests .*\n2 requests came too late .*from bob\n$/);
  });

  it("ends with the reason when the broker refuses its question", async () => {
    const { message_id } = await doors.hear();
    await doors.say({
      message_id: "1",
      from: "$broker",
      type: "inform",
      in_reply_to: message_id,
      content: { kind: "fault", message: "not now", data: { code: "forbidden" } },
    });
    expect(await claude.ended).toEqual({ code: 1, stdout: "", stderr: "claude is refused: not now\n" });
  });
});
