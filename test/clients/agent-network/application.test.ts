import { expect, it } from "vitest";
import { SecureAgentSocket, type Message } from "../../../clients/typescript/agent-network/index.js";
import { Application } from "../../../clients/typescript/agent-network/application.js";

const message: Message = {
  messageId: "m1",
  conversationId: "c1",
  senderId: "bob",
  recipientId: "ada",
  messageType: "INFORM",
  content: { text: "hello" },
  timestamp: 0,
  metadata: {},
  sealed: true,
  verified: true,
};

const ada = (): SecureAgentSocket => new SecureAgentSocket("ws://broker.example/", "token", "ada");

it("a message is processed when its handler has ended, though onMessage throws: that is told, and nothing more", async () => {
  const socket = ada();
  const told: string[] = [];
  let handled = 0;
  socket.onError = ({ message: why }) => void told.push(why);
  socket.messageHandlers.set("INFORM", () => (handled += 1));
  socket.onMessage = () => {
    throw new Error("the page is gone");
  };
  await new Application(socket).hear(message);
  expect([handled, told]).toEqual([1, ["the page is gone"]]);
});

it("a message without a handler is processed by onMessage, and comes again where that throws", async () => {
  const socket = ada();
  socket.onMessage = () => Promise.reject(new Error("not now"));
  await expect(new Application(socket).hear(message)).rejects.toThrow("not now");
});

it("a message whose handler throws is not processed, and onMessage does not hear it", async () => {
  const socket = ada();
  let heard = 0;
  socket.messageHandlers.set("INFORM", () => Promise.reject(new Error("not now")));
  socket.onMessage = () => (heard += 1);
  await expect(new Application(socket).hear(message)).rejects.toThrow("not now");
  expect(heard).toBe(0);
});
