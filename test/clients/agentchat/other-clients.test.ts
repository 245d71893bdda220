// Against our own broker, over real sockets.
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentChatClient, type MsgEvent } from "../../../clients/typescript/agentchat/client.js";
import { generateIdentity, writeIdentity } from "../../../clients/typescript/agentchat/identity-file.js";
import { startBroker, type TestBroker } from "../../kit/broker.js";
import { PemClient, pemKey } from "../../kit/pem-client.js";
import { told } from "./fake-server.js";

describe("an AgentChat client of other makers, at our broker with one of ours", () => {
  let at: TestBroker;
  let server: string;
  let ours: AgentChatClient;
  const others: PemClient[] = [];
  beforeEach(async () => {
    at = await startBroker({ limits: { agentchatRatePerSecond: 0 } });
    server = at.pan.replace(/pan$/, "agentchat");
    const identity = join(at.dataDir, "ours.json");
    await writeIdentity(identity, generateIdentity("ours"));
    ours = new AgentChatClient({ server, identity, reconnect: false });
    await ours.connect();
    await ours.join("#general");
  });
  afterEach(async () => {
    for (const other of others.splice(0)) other.close();
    await ours.disconnect();
    await at.stop();
  });
  async function enter(...args: [name: string, options?: Parameters<typeof PemClient.enter>[2]]): Promise<PemClient> {
    const other = await PemClient.enter(server, ...args);
    others.push(other);
    return other;
  }

  it.each([true, false])("is heard with its signature, and hears ours; it proves its key: %s", async (proves) => {
    const other = await enter("other", { proves });
    await other.join("#general");
    const heard = new Promise<MsgEvent>((resolve) => {
      ours.on("message", (message) => {
        if (message.from === other.wire.id) resolve(message);
      });
    });
    other.message("#general", "from another maker");
    expect(await heard).toMatchObject({ content: "from another maker", from_name: "other", verified: true });
    await ours.deliver(other.wire.id, "from ours");
    expect(await other.wire.hears(({ content }) => content === "from ours")).toMatchObject({
      from: ours.agentId,
      verified: true,
    });
  });

  it("has one id for its key, whatever its name", async () => {
    const key = pemKey();
    const first = await enter("first", { key });
    const { id } = first.wire;
    first.close();
    expect((await enter("second", { key })).wire.id).toBe(id);
  });

  it("comes to agreements with ours, though it signs a field more and says null for what is missing", async () => {
    const other = await enter("other");
    const proposal = told(ours, "proposal");
    const { proposal_id: id } = await other.propose(ours.agentId ?? "", "dig");
    expect(await proposal).toMatchObject({ proposal_id: id, task: "dig", from: other.wire.id });
    await ours.accept(String(id));
    expect(await other.complete(String(id))).toMatchObject({ from: other.wire.id, status: "completed" });
    const back = await ours.propose(other.wire.id, { task: "fill it", amount: 0 });
    const accepted = told(ours, "accept");
    await other.accept(back.proposal_id);
    expect(await accepted).toMatchObject({ from: other.wire.id, to: ours.agentId, status: "accepted" });
  });
});
