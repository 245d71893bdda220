import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { z } from "zod";
import { writtenEnvelope } from "../../src/core/index.js";
import { Agent, type Envelope } from "../../src/index.js";
import { deskRequests } from "../../src/desk/contract.js";
import { startBroker } from "../kit/broker.js";
import { startProgram } from "../kit/cli.js";
import { PlainAgent, type Heard } from "../kit/plain-agent.js";

const sources = fileURLToPath(new URL("../../clients/python/src", import.meta.url));
const file = z.fromJSONSchema(
  JSON.parse(readFileSync(new URL("../../schemas/envelope-write.json", import.meta.url), "utf8")) as Parameters<
    typeof z.fromJSONSchema
  >[0],
);

/** Says everything that the Python SDK can write, then waits for its end. */
const program = `
from synaptic_core import Agent, AgentOptions, Fault
def answer(request):
    if request.text == "refuse": raise Fault("forbidden", "not for you")
    return {"message": "you said " + request.text, "kind": "k", "data": [1, None, {"ä": 1.5}]}
with Agent.connect("snake", options=AgentOptions(display_name="Snake")) as snake:
    snake.on_request(answer)
    snake.create("#den")
    snake.join("#lab")
    snake.history("#lab", 5)
    snake.agents(), snake.rooms(), snake.members("#lab")
    snake.inform("witness", "news", conversation_id="c1", priority="LOW", expires_in_s=60, receipt=["stored"], ephemeral=True)
    print(snake.request("ada", {"message": "what?", "data": 1}, conversation_id="c2").text, flush=True)
    snake.leave("#lab")
    snake.send("witness", "last question", message_id="q1", type="request")
    snake.receive(20)
`;

it("the Python SDK writes envelopes and requests that fit their schemas, and talks with ours", async () => {
  const at = await startBroker();
  const tap = await new PlainAgent("tap", at, { topics: ["tap", ""] }).meet();
  const witness = await new PlainAgent("witness", at).meet();
  const ada = await Agent.connect({ name: "ada", in: at.zmqIn, out: at.zmqOut });
  ada.onRequest(({ content }) => `heard: ${content.message}`);
  const snake = startProgram("/usr/bin/python3", ["-c", program], {
    SYNAPTIC_DATA_DIR: at.dataDir,
    PYTHONPATH: sources,
    PYTHONDONTWRITEBYTECODE: "1",
  });
  try {
    await snake.prints(/heard: what\?/);
    await witness.hears(({ message }) => message["message_id"] === "q1");
    const answer: Envelope = await ada.request("snake", "hello");
    expect(answer).toMatchObject({
      from: "snake",
      from_name: "Snake",
      content: { message: "you said hello", kind: "k", data: [1, null, { ä: 1.5 }] },
    });
    await expect(ada.request("snake", "refuse")).rejects.toMatchObject({ code: "forbidden", message: "not for you" });
    await ada.inform("snake", "go");
    expect(await snake.ended).toMatchObject({ code: 0, stderr: "" });

    await tap.settled();
    const said = tap.heard.filter(({ message }) => message.from === "snake").map(({ message }) => message);
    for (const message of said) {
      expect(writtenEnvelope.parse(message)).toEqual(message);
      expect(file.safeParse(message).error).toBeUndefined();
    }
    const asked = tap.heard.filter(isAsked).map(({ message }) => message);
    for (const message of asked) {
      const [, schema] = Object.entries(deskRequests).find(([kind]) => kind === message.content["kind"]) ?? [];
      expect(schema?.parse(message)).toEqual(message);
    }
    expect(asked.map(({ content }) => content["kind"]).filter((kind) => kind !== "ping")).toEqual([
      "room.create",
      "room.join",
      "room.history",
      "agents.list",
      "rooms.list",
      "room.members",
      "room.leave",
    ]);
    expect([...new Set(said.map(({ type }) => type))].sort()).toEqual(["inform", "request", "response"]);
  } finally {
    await snake.stop("SIGKILL");
    await ada.close();
    for (const agent of [tap, witness]) agent.close();
    await at.stop();
  }
});

function isAsked({ topic, message }: Heard): boolean {
  return topic === "$broker" && message.from === "snake";
}
