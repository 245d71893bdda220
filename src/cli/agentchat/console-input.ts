/** The meaning of a line typed into `agentchat connect`. */
export type Typed =
  | { readonly does: "nothing" | "channels" | "help" | "quit" }
  | { readonly does: "join" | "leave" | "agents"; readonly channel: string }
  | { readonly does: "create"; readonly channel: string; readonly inviteOnly: boolean }
  | { readonly does: "invite"; readonly channel: string; readonly agent: string }
  | { readonly does: "say"; readonly to: string; readonly text: string }
  | { readonly does: "wrong"; readonly why: string };

/** What `/help` prints. */
export const consoleHelp = `/join #channel       enter a channel; what you type goes to the last one entered
/leave [#channel]    leave it, or the current one
/msg @agent-id text  say something to one agent
/channels            list the channels
/agents [#channel]   list the agents in it, or in the current one
/create #channel     make a channel and enter it; /create #channel private: for invited agents only
/invite @agent-id    invite an agent to the current channel; /invite @agent-id #channel: to another
/quit                end the session (so do Ctrl-D and Ctrl-C)
//text               say /text`;

/** Reads one line; `current` is the channel that plain text goes to. */
export function readLine(line: string, current: string | undefined): Typed {
  const text = line.trim();
  if (text === "") return { does: "nothing" };
  if (!text.startsWith("/")) return saying(current, line);
  if (text.startsWith("//")) return saying(current, text.slice(1));
  const [, word = "", rest = ""] = /^\/(\S*)\s*([^]*)$/.exec(text) ?? [];
  switch (word) {
    case "join":
    case "leave":
    case "agents":
      return aboutChannel(word, rest, word === "join" ? undefined : current);
    case "create":
      return creation(rest);
    case "invite":
      return invitation(rest, current);
    case "msg":
      return direct(rest);
    case "channels":
    case "help":
    case "quit":
      return { does: word };
    default:
      return { does: "wrong", why: `there is no /${word}; /help lists the commands, //${word} says it as text` };
  }
}

function saying(current: string | undefined, text: string): Typed {
  return current === undefined
    ? { does: "wrong", why: "you are in no channel: /join #general first, or /msg @agent-id text" }
    : { does: "say", to: current, text };
}

function aboutChannel(does: "join" | "leave" | "agents", rest: string, current: string | undefined): Typed {
  if (rest === "")
    return current === undefined
      ? { does: "wrong", why: `which channel? /${does} #channel` }
      : { does, channel: current };
  if (/\s/.test(rest)) return { does: "wrong", why: `one channel at a time: /${does} #channel` };
  return { does, channel: named(rest) };
}

function creation(rest: string): Typed {
  const [name = "", kind, ...more] = rest.split(/\s+/);
  if (name === "" || more.length > 0 || (kind !== undefined && kind !== "private"))
    return { does: "wrong", why: "write /create #channel, or /create #channel private" };
  return { does: "create", channel: named(name), inviteOnly: kind === "private" };
}

function invitation(rest: string, current: string | undefined): Typed {
  const words = rest.split(/\s+/);
  const agent = words.find((word) => word.startsWith("@"));
  const channel = words.find((word) => word.startsWith("#")) ?? current;
  if (agent === undefined || words.length > 2 || (words.length === 2 && !words.some((word) => word.startsWith("#"))))
    return { does: "wrong", why: "write /invite @agent-id, or /invite @agent-id #channel" };
  return channel === undefined
    ? { does: "wrong", why: "to which channel? /invite @agent-id #channel" }
    : { does: "invite", channel, agent };
}

function named(channel: string): string {
  return channel.startsWith("#") ? channel : `#${channel}`;
}

function direct(rest: string): Typed {
  const [, to, text] = /^([@#]\S+)\s+([^]+)$/.exec(rest) ?? [];
  return to === undefined || text === undefined
    ? { does: "wrong", why: "write /msg @agent-id text" }
    : { does: "say", to, text };
}
