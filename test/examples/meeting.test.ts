import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { Chromium, type Page } from "../kit/chromium.js";
import { startProgram, type Program } from "../kit/cli.js";
import { issueToken } from "../kit/tokens.js";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));

describe("two agents that agree on a meeting, one of them in a web page", () => {
  let chromium: Chromium;
  let server: Program;
  let port: string;
  let at: TestBroker;
  let page: Page;
  let adviser: Program;

  beforeAll(async () => {
    // As the page says, but for the port.
    const args = ["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", examples];
    server = startProgram("/usr/bin/python3", args);
    port = /port (\d+)/.exec(await server.prints(/port \d+/))?.[1] ?? "";
    chromium = await Chromium.start();
  });
  afterAll(async () => {
    await chromium.stop();
    await server.stop("SIGKILL");
  });
  beforeEach(async () => {
    at = await startBroker();
    adviser = startProgram("/usr/bin/python3", [`${examples}/plain_agent.py`, "adviser", at.zmqIn, at.zmqOut]);
    await adviser.prints(/adviser is ready/);
    page = await chromium.open(`http://127.0.0.1:${port}/meeting-page.html`);
    await page.shows(/Connect/);
    const fields = {
      broker: at.pan.replace(/^ws/, "http").replace(/\/pan$/, ""),
      token: await issueToken(at.dataDir, "bob", "jwt"),
    };
    await page.evaluate(
      `for (const [name, value] of Object.entries(${JSON.stringify(fields)})) document.forms[0][name].value = value;
      document.forms[0].requestSubmit()`,
    );
    await page.shows(/bob is here/);
  });
  afterEach(async () => {
    await adviser.stop("SIGINT");
    await at.stop();
  });

  async function ada(): Promise<Program> {
    const token = await issueToken(at.dataDir, "ada", "jwt");
    const url = at.pan.replace(/\/pan$/, "/agent-network/v1/connect");
    return startProgram(process.execPath, [`${examples}/meeting-agent.mjs`, token, "bob", "adviser", url]);
  }
  const press = (word: string): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll("li button")].find((one) => one.textContent === "${word}").click()`);

  it("asks, is advised by a plain ZeroMQ agent, proposes, and hears that the person in the page accepts", async () => {
    const asking = await ada();
    const shown = await page.shows(/ada proposes Coffee, 2030-06-03T14:00:00Z, adviser heard: a quiet place for two\?/);
    const own = /its own key is ((?:[0-9a-f]{4} ?){16})/.exec(shown)?.[1]?.trim();
    await press("Accept");
    const { code, stdout, stderr } = await asking.ended;
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.split("\n")).toEqual([
      `bob has the key ${own}: compare it once`,
      "bob is free at 2030-06-03T14:00:00Z",
      "adviser says: adviser heard: a quiet place for two?",
      "bob comes",
      "",
    ]);
    await page.shows(/you said: Accept/);
  });

  it("hears that the person in the page declines, and why", async () => {
    const asking = await ada();
    await page.shows(/ada proposes Coffee/);
    await press("Decline");
    expect(await asking.ended).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/bob does not come: SCHEDULE_CONFLICT another meeting at that time\n$/) as string,
    });
  });

  it("ends with a line that says why where the other one is not there", async () => {
    const token = await issueToken(at.dataDir, "ada", "jwt");
    const nowhere = startProgram(process.execPath, [
      `${examples}/meeting-agent.mjs`,
      token,
      "bob",
      "adviser",
      "ws://127.0.0.1:9/",
    ]);
    expect(await nowhere.ended).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^(?!.*\n +at ).*CONNECTION_ERROR/s) as string,
    });
  });
});
