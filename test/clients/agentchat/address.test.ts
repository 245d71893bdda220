import { expect, it } from "vitest";
import { wholeAddress } from "../../../clients/typescript/agentchat/address.js";
import { AgentChatClient, type AgentChatClientOptions } from "../../../clients/typescript/agentchat/client.js";

it.each([
  ["ws://localhost:6667", "ws://localhost:6667"],
  ["wss://chat.example/agentchat", "wss://chat.example/agentchat"],
  ["localhost", "ws://localhost:6667"],
  ["127.0.0.1:8080/agentchat", "ws://127.0.0.1:8080/agentchat"],
  ["chat.example/a:7/b", "ws://chat.example:6667/a:7/b"],
  ["[::1]:7000?x=1", "ws://[::1]:7000?x=1"],
  ["[::1]/x", "ws://[::1]:6667/x"],
])("an AgentChat server given as %s is %s, with the port that it names", (given, whole) => {
  expect(wholeAddress(given)).toBe(whole);
});

it.each(["ws://localhost:6667", { name: "ada" }, { url: "ws://localhost:6667" }, { server: "" }])(
  "a client made with %j is told at once that its server is missing",
  (given) => {
    expect(() => new AgentChatClient(given as unknown as AgentChatClientOptions)).toThrow(
      /^the server is missing: new/,
    );
  },
);
