import { describe, expect, it } from "vitest";
import { agentId, channelName, channelNames, serverUrl, target } from "../../../src/cli/agentchat/options.js";

describe("servers, channels and agents on the command line", () => {
  it.each([
    ["ws://localhost:6667", "ws://localhost:6667"],
    ["wss://chat.example/agentchat", "wss://chat.example/agentchat"],
    ["localhost", "ws://localhost:6667"],
    ["localhost:7000", "ws://localhost:7000"],
    ["[::1]:7000", "ws://[::1]:7000"],
    ["localhost:8080/agentchat", "ws://localhost:8080/agentchat"],
    ["[::1]:8080/agentchat", "ws://[::1]:8080/agentchat"],
    ["chat.example/agentchat", "ws://chat.example:6667/agentchat"],
  ])("takes %s as a server", (text, url) => {
    expect(serverUrl(text)).toBe(url);
  });

  it.each(["http://localhost", "ws://", "", "two words", "#general"])("says how to write a server: %j", (text) => {
    expect(() => serverUrl(text)).toThrow(/ws:\/\/HOST:PORT/);
  });

  it.each([
    ["6667", "ws://127.0.0.1:6667"],
    [":6667", "ws://127.0.0.1:6667"],
    ["http://localhost:6667/agentchat", "ws://localhost:6667/agentchat"],
    ["HTTPS://chat.example", "wss://chat.example"],
  ])("says what was probably meant by the server %s", (text, meant) => {
    expect(() => serverUrl(text)).toThrow(`${text} is not a server; did you mean ${meant}? `);
  });

  it("puts the mark before a channel and an agent where it is missing, and takes none for the other", () => {
    expect([channelName("dev"), channelName("#dev"), agentId("ab12"), agentId("@ab12")]).toEqual([
      "#dev",
      "#dev",
      "@ab12",
      "@ab12",
    ]);
    for (const wrong of ["", "#", "@ab12"]) expect(() => channelName(wrong)).toThrow(/in quotes/);
    for (const wrong of ["", "@", "#dev"]) expect(() => agentId(wrong)).toThrow(/@agent-id/);
    expect(channelNames(["#a,b", "c #d", ""])).toEqual(["#a", "#b", "#c", "#d"]);
    expect(() => target("dev")).toThrow("did you mean '#dev' or @dev?");
    expect([target("#dev"), target("@ab12")]).toEqual(["#dev", "@ab12"]);
    for (const wrong of ["dev", "#", "@", ""]) expect(() => target(wrong)).toThrow(/in quotes/);
  });
});
