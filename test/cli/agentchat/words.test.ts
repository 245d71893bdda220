import { describe, expect, it } from "vitest";
import { AgentChatError } from "../../../clients/typescript/agentchat/error.js";
import { connectWords, exitCodeOf, failureLine } from "../../../src/cli/agentchat/exit.js";
import { usageWords } from "../../../src/cli/agentchat/main.js";

const refused = (code: string, message: string): AgentChatError => new AgentChatError(code, message);

describe("a refusal in one line", () => {
  it.each([
    ["CHANNEL_EXISTS", "there is a room #a already; choose another name"],
    ["INVALID_PROPOSAL", "PROPOSAL: no field of the signed text may hold |"],
    ["INVALID_MSG", "MSG: to: is missing; it is text"],
    ["PROPOSAL_EXPIRED", "the proposal has expired; ask for a new one"],
    ["INVALID_NAME", "name: 1 to 32 of A-Z a-z 0-9 _ -"],
    ["NOT_INVITED", "only members speak in #a; you are invited, join it first"],
  ])("adds nothing where the server says all: %s", (code, message) => {
    expect(failureLine(refused(code, message))).toBe(`${code}: ${message}`);
  });

  it("says what to do where the server does not", () => {
    expect(failureLine(refused("RATE_LIMITED", "Too many messages."))).toBe(
      "RATE_LIMITED: Too many messages. (wait a little and try again)",
    );
    expect(failureLine(refused("NOT_PROPOSAL_PARTY", "this proposal is between two others"))).toMatch(
      /\(is --identity the right file\?\)$/,
    );
  });

  it("names the commands of where it is read", () => {
    const unknown = refused(
      "CHANNEL_NOT_FOUND",
      "there is no channel #nope; CREATE_CHANNEL makes it, LIST_CHANNELS tells which there are",
    );
    expect(failureLine(unknown)).toMatch(
      /\(agentchat channels SERVER lists them, agentchat create SERVER '#nope' makes it\)$/,
    );
    expect(failureLine(unknown, "console")).toMatch(/\(\/channels lists them, \/create #nope makes it\)$/);
    const nobody = refused("AGENT_NOT_FOUND", "no agent x is here; the list of agents tells who is");
    expect([failureLine(nobody), failureLine(nobody, "console")]).toEqual([
      expect.stringMatching(/\(agentchat agents SERVER '#general' lists/),
      expect.stringMatching(/\(\/agents lists/),
    ]);
  });

  it("says in the console how to come into a channel where only members speak", () => {
    expect(failureLine(refused("NOT_INVITED", "Not a member of #dev"), "console")).toBe(
      "NOT_INVITED: Not a member of #dev (/join #dev first, or ask a member to invite you)",
    );
    expect(failureLine(refused("NOT_INVITED", "Not a member of #dev"))).toMatch(/--identity FILE\)$/);
  });

  it("tells a refusal of another server by its own code, as a refusal", () => {
    expect([failureLine(refused("BANNED", "go\u001b[2J")), exitCodeOf(refused("BANNED", "go"))]).toEqual([
      "BANNED: go\ufffd[2J",
      4,
    ]);
    expect([exitCodeOf(refused("TIMEOUT", "late")), exitCodeOf(refused("IDENTITY_MISSING", "no"))]).toEqual([1, 1]);
  });

  it("says that a file is no identity, and does not advise to remove it", () => {
    for (const message of [
      "README.md: it is not JSON; restore it from a backup, or remove it and make a new one",
      "README.md: it is no identity: pubkey: is missing; it is text; an identity is …",
    ]) {
      expect(failureLine(refused("IDENTITY_INVALID", message))).toBe(
        "README.md: this is not an identity file; agentchat identity --generate makes one",
      );
    }
    expect(failureLine(refused("IDENTITY_INVALID", "name: 1 to 32 of A-Z"))).toBe("name: 1 to 32 of A-Z");
  });

  it("says that a message was too long, which the server tells by closing", () => {
    const closed = refused("CLOSED", "the connection was closed: 1009");
    expect([failureLine(closed), exitCodeOf(closed)]).toEqual([
      "the message is too long: 64 KiB at most with its envelope",
      4,
    ]);
  });

  it.each([
    [
      "the connection was closed: 1006",
      3,
      /lost \(closed: 1006\) before it answered; it is not known whether this was done: check that the server runs/,
      /lost \(closed: 1006\).*check before you type it again$/,
    ],
    ["the connection was closed: 1001 shutdown", 3, /closed: 1001 shutdown\)/, /closed: 1001 shutdown\)/],
    [
      "the connection was lost while writing: write EPIPE; say it again after the event open",
      3,
      /lost \(while writing\)/,
      /lost \(while writing\)/,
    ],
    [
      "not connected; wait for the event open",
      3,
      /nothing was sent; check that the server runs/,
      /nothing was sent; type it again after the line: connected again$/,
    ],
    [
      "the connection was closed: 1008 too many refusals",
      4,
      /because of its rules: 1008 too many refusals$/,
      /1008 too many refusals$/,
    ],
  ])("says what to do when the connection is gone: %s", (message, code, shell, console) => {
    const closed = refused("CLOSED", message);
    expect(failureLine(closed)).toMatch(shell);
    expect(failureLine(closed, "console")).toMatch(console);
    expect(exitCodeOf(closed)).toBe(code);
  });

  it("lets no server steer the terminal", () => {
    for (const code of ["CHANNEL_NOT_FOUND", "NO_SUCH_CODE", "CLOSED"])
      expect(failureLine(refused(code, "\u001b[2Jno\r\nagentchat: sent\u202e"))).toMatch(
        /^[^\u001b\r\u202e]*\ufffd\[2Jno\n {4}agentchat: sent\ufffd[^\n]*$|^the connection to the server was lost/,
      );
  });
});

describe("a server that is not reached", () => {
  const words = (typed: string, cause: unknown, message = "cannot connect"): string =>
    connectWords(typed, typed, new AgentChatError("CLOSED", message, { cause }));

  it.each([
    [
      "wss://a:1",
      new Error("write EPROTO 80:error:0A00010B:SSL routines:wrong version number:x.c:350:\n"),
      /^wss:\/\/a:1: this server does not speak TLS: use ws:\/\/, or put a proxy with TLS before it$/,
    ],
    ["ws://a:1", new Error("socket hang up"), /^ws:\/\/a:1: something is there.* TLS begins with wss:\/\/$/],
    [
      "ws://a:1",
      new Error("Parse Error: Expected HTTP/, RTSP/ or ICE/"), // a ZeroMQ door
      /^ws:\/\/a:1: a server is there, but it speaks no WebSocket; is it the right port\?$/,
    ],
    [
      "ws://a:1/foo",
      new Error("Unexpected server response: 404"),
      /a server is there, but no AgentChat at \/foo; try ws:\/\/a:1$/,
    ],
    [
      "ws://a:1",
      new Error("Unexpected server response: 200"),
      /it speaks no AgentChat \(HTTP 200\); is it the right port\?/,
    ],
    [
      "ws://a",
      new Error("connect ECONNREFUSED 1.2.3.4:80"),
      /ECONNREFUSED.*; no port was given, so 80 was tried; .*agentchat serve starts one/,
    ],
    ["wss://[::1]/x", new Error("connect ECONNREFUSED ::1:443"), /no port was given, so 443 was tried/],
    [
      "ws://a:80",
      new Error("connect ECONNREFUSED 1.2.3.4:80"),
      /^cannot connect to ws:\/\/a:80: connect ECONNREFUSED 1\.2\.3\.4:80; is the server running there\?/,
    ],
    [
      "ws://a:1",
      new AggregateError([new Error("connect ECONNREFUSED ::1:1"), new Error("connect ECONNREFUSED 127.0.0.1:1")]),
      /connect ECONNREFUSED ::1:1;/,
    ],
    ["ws://a:1", new Error("getaddrinfo ENOTFOUND a"), /there is no host of this name/],
  ])("%s", (typed, cause, wanted) => {
    expect(words(typed, cause)).toMatch(wanted);
  });

  it("may be the door of another protocol", () => {
    expect(words("ws://a:1/pan", undefined, "the connection was closed: 1008 AUTH_FAILED")).toBe(
      "ws://a:1/pan: that door speaks another protocol; the AgentChat path is /agentchat",
    );
  });
});

describe("a command line that misses an argument", () => {
  it("may have lost an unquoted #channel to the shell", () => {
    for (const name of ["target", "channel"])
      expect(usageWords(`error: missing required argument '${name}'\n`, true)).toMatch(
        /argument '\w+'; did the shell take an unquoted #channel for a comment\? write '#general'\n$/,
      );
    for (const text of ["error: missing required argument 'message'\n", "error: unknown option '-x'\n"]) {
      expect(usageWords(text, false)).toBe(text);
      expect(usageWords(text, true)).toMatch(/; a text that begins with - stands behind --: -- '-\w+'\n$/);
    }
  });
});
