import { afterEach, beforeEach, expect, it } from "vitest";
import { startBroker, type TestBroker } from "../kit/broker.js";
import { startProgram, type Program } from "../kit/cli.js";
import { PlainAgent } from "../kit/plain-agent.js";

/** A plain agent in pyzmq, which answers what it hears. With OPEN it asks for a mailbox first, and that is all. */
const program = `
import json, sys, time, uuid, zmq
name, publish_to, subscribe_at, want = sys.argv[1:]
context = zmq.Context()
incoming, outgoing = context.socket(zmq.SUB), context.socket(zmq.PUB)
incoming.connect(subscribe_at); incoming.subscribe(name.encode())
outgoing.linger = 2000; outgoing.connect(publish_to)
def say(to, kind, content, **more):
    message = {"message_id": str(uuid.uuid4()), "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
               "from": name, "to": to, "type": kind, "priority": "NORMAL", "content": content, **more}
    outgoing.send_multipart([to.encode(), json.dumps(message).encode()])
def hear(ms):
    return json.loads(incoming.recv_multipart()[1]) if incoming.poll(ms) else None
while True:
    kind = "mailbox.open" if want == "OPEN" else "ping"
    say("$broker", "request", {"message": kind, "kind": kind}, message_id="first")
    message = hear(200)
    if message is not None:
        break
while message is not None:
    if message["from"] == "$broker":
        if message["content"].get("kind") == "mailbox.open":
            print("open", flush=True)
    else:
        stored = "stored" if "stored_at" in message.get("$broker", {}) else "new"
        print(stored, message["type"], message["content"]["message"], flush=True)
        if message["type"] == "request":
            say(message["from"], "response", {"message": "you said " + message["content"]["message"]})
    if want == "OPEN":
        break
    message = hear(60000)
`;

let at: TestBroker;
let ada: PlainAgent;
const programs: Program[] = [];
const run = (want: "OPEN" | "HEAR"): Program => {
  const started = startProgram("/usr/bin/python3", ["-c", program, "bob", at.zmqIn, at.zmqOut, want]);
  programs.push(started);
  return started;
};

beforeEach(async () => {
  at = await startBroker();
  ada = await new PlainAgent("ada", at).meet();
});
afterEach(async () => {
  await Promise.all(programs.splice(0).map((one) => one.stop("SIGKILL")));
  ada.close();
  await at.stop();
});

it("a plain pyzmq agent opens its mailbox by one question, goes, and hears when it runs again what was said", async () => {
  expect(await run("OPEN").ended).toEqual({ code: 0, stdout: "open\n", stderr: "" });
  for (let count = 0; count < 20; count += 1) await ada.send("bob", "inform", `number ${String(count)}`);
  const asked = await ada.send("bob", "request", "are you there?", { receipt: ["stored", "settled"] });
  const receipt = async (): Promise<unknown> =>
    (await ada.hears(({ message }) => message.content["kind"] === "receipt")).message.content["data"];
  expect(await receipt()).toMatchObject({ ids: [asked.message_id], state: "stored" });
  const again = run("HEAR");
  // Its answer names no request: it is for the oldest one.
  const { message: answer } = await ada.hears(({ message }) => message.type === "response" && message.from === "bob");
  expect(answer).toMatchObject({ in_reply_to: asked.message_id, content: { message: "you said are you there?" } });
  expect(await receipt()).toMatchObject({ ids: [asked.message_id], state: "answered" });
  const numbers = Array.from({ length: 20 }, (_, count) => `stored inform number ${String(count)}\n`).join("");
  expect(await again.prints(/are you there/)).toBe(`${numbers}stored request are you there?\n`);
  await ada.send("bob", "inform", "live");
  await again.prints(/live\n/);
});
