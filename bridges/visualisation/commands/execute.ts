import { asFault, brokerTopic, Fault, isAgentName, readPriority, topicKind, type Draft, type Envelope } from "#dialect";
import type { Answer } from "./answers.js";
import { answersOf, controlNameOf, placeOf, type Command, type CommandSession } from "./command-session.js";
import { errorAnswer, isRefusal, messageText, settle, tellAnswer } from "./told.js";

/** `control.execute` (Visualisation §5.1). */
export interface ExecuteCommand extends Command {
  readonly payload: {
    readonly targetAgent: string;
    readonly command: string;
    readonly parameters?: Readonly<Record<string, unknown>> | undefined;
    /** Milliseconds. */
    readonly timeout?: number | undefined;
    readonly callback?: { readonly type: "webhook"; readonly url: string } | undefined;
  };
}

/** Parameters in a text for people and models, characters at most; the whole stands in `content.data`. */
const readableMax = 4_000;

/**
 * Has an agent, or the broker, do something. What comes of it is told later: nothing else that the session says waits for
 * an agent's answer. An id that was said before is not executed again (Visualisation §5.3).
 * @throws Fault forbidden (no `control`), malformed (nobody can be commanded so, nothing may be POSTed there), full,
 * conflict: nothing was executed
 */
export function execute(session: CommandSession, command: ExecuteCommand): void | Promise<void> {
  const { id, payload } = command;
  const answers = answersOf(session);
  const place = placeOf(command);
  const known = answers.repeated(id, place);
  if (known !== undefined) {
    if (known !== "under way") tellAnswer(session, id, known, place);
    return undefined;
  }
  mustBeAllowed(session, payload);
  const max = session.limits.sessionCallsMax;
  if (answers.underWay >= max)
    throw new Fault("full", `${String(max)} commands of this session are under way; wait for an answer`);
  answers.begin(id, place);
  // From here on all that goes wrong is an answer, which a repetition gets, too.
  if (payload.targetAgent === brokerTopic) return askBroker(session, command);
  void commandAgent(session, command);
  return undefined;
}

/** @throws Fault forbidden, malformed */
function mustBeAllowed(session: CommandSession, { targetAgent, callback }: ExecuteCommand["payload"]): void {
  const refusal = callback && session.services.webhooks.refusal(callback.url);
  if (targetAgent !== brokerTopic) {
    if (session.principal?.scopes.has("control") !== true)
      throw new Fault(
        "forbidden",
        "commands to agents need the scope control: log in with a token that broker token --scope control made",
      );
    const kind = topicKind(targetAgent);
    if (kind === "room" || kind === "everyone")
      throw new Fault(
        "malformed",
        `payload.targetAgent: a command is for one agent, and many hear ${targetAgent}; command each of them by its name`,
      );
    if (kind === "broker")
      throw new Fault("malformed", `payload.targetAgent: an agent's name, or ${brokerTopic}, not ${targetAgent}`);
  }
  if (refusal !== undefined) throw refusal;
}

/** Asks the desk; each kind needs its own right. Resolves when the answer has been told, and never rejects. */
function askBroker(session: CommandSession, command: ExecuteCommand): void | Promise<void> {
  const startedAt = session.now();
  const failed = (thrown: unknown): void => {
    const fault = asFault(thrown);
    finish(session, command, errorAnswer(command.id, fault), fault.code, !isRefusal(fault));
  };
  try {
    const { command: kind, parameters } = command.payload;
    const done = session.ask(
      kind,
      parameters,
      ({ json }) => {
        finish(session, command, resultAnswer(session, command, "completed", json, startedAt), "completed");
      },
      { waits: false },
    );
    return done?.catch(failed);
  } catch (thrown) {
    failed(thrown);
    return undefined;
  }
}

/** Commands an agent. Never rejects. */
async function commandAgent(session: CommandSession, command: ExecuteCommand): Promise<void> {
  const startedAt = session.now();
  const { targetAgent } = command.payload;
  let answer: Answer;
  let outcome: string;
  try {
    mustBeThere(session, targetAgent);
    const heard = await session.call(draftOf(session, command), { timeoutMs: timeoutOf(session, command) });
    outcome = hasFailed(heard) ? "failed" : "completed";
    const result = JSON.stringify({ message: heard.content.message, data: heard.content.data ?? null });
    answer = resultAnswer(session, command, outcome, result, startedAt);
  } catch (thrown) {
    const fault = refusalOf(asFault(thrown));
    outcome = fault.code;
    answer = errorAnswer(command.id, fault);
  }
  finish(session, command, answer, outcome);
}

/**
 * Nobody else than an agent is commanded: not who listens to a data topic of that name. Who may not meet the agent does
 * not learn whether it is here.
 * @throws Fault forbidden, not-found
 */
function mustBeThere({ id, services: { directory } }: CommandSession, target: string): void {
  if (directory.contacts.refusal(controlNameOf(id), target) !== undefined)
    throw new Fault(
      "forbidden",
      `not approved: ${target} has to do with its contacts only, and control does not pass that`,
    );
  if (!isAgentName(target) || !directory.isReachable(target))
    throw new Fault("not-found", `no agent ${target} is here; agents.list, asked of $broker, tells who is`);
}

function timeoutOf({ limits }: CommandSession, { payload: { timeout } }: ExecuteCommand): number {
  return Math.min(timeout ?? limits.requestTimeoutMs, limits.requestMaxMs);
}

function draftOf(session: CommandSession, command: ExecuteCommand): Draft {
  const { id, metadata, payload } = command;
  const { targetAgent: to, command: name, parameters = {} } = payload;
  const priority = metadata?.priority;
  const ttl = metadata?.ttl;
  return {
    to,
    messageId: id,
    content: { message: readable(name, parameters), kind: "control.execute", data: { command: name, parameters } },
    rare: { wait_ms: timeoutOf(session, command) },
    ...(priority !== undefined && { priority: readPriority(priority) }),
    ...(priority === "critical" && { originalPriority: priority }),
    ...(ttl !== undefined && { expiresAt: new Date(Math.min(session.now() + ttl, lastMoment)).toISOString() }),
  };
}

/** The last moment that can be written as ISO 8601 with four digits for the year. */
const lastMoment = Date.UTC(9999, 11, 31);

/** What the command says to who reads texts only. */
function readable(command: string, parameters: Readonly<Record<string, unknown>>): string {
  const text = JSON.stringify(parameters);
  if (text === "{}") return command;
  return `${command} ${text.length > readableMax ? `${text.slice(0, readableMax)}… (the whole is in data)` : text}`;
}

/** True where the answer says that the agent could not do it. */
function hasFailed({ content: { data } }: Envelope): boolean {
  return typeof data === "object" && data !== null && "error" in data && data.error != null && data.error !== false;
}

/** Whoever refuses a command, and whatever becomes of it: it has failed, unless nobody was there or we are to blame. */
function refusalOf(fault: Fault): Fault {
  const { code, message, detail, retryAfterMs } = fault;
  if (code === "not-found" || code === "internal") return fault;
  if (code === "going-away")
    return new Fault("unavailable", "the session that commanded has ended: what the agent answers nobody hears");
  const more = { ...(detail !== undefined && { detail }), ...(retryAfterMs !== undefined && { retryAfterMs }) };
  return new Fault(code === "timeout" || code === "full" ? code : "conflict", message, more);
}

/** @param result JSON */
function resultAnswer(
  session: CommandSession,
  { id, payload: { targetAgent } }: ExecuteCommand,
  status: string,
  result: string,
  startedAt: number,
): Answer {
  const head = JSON.stringify({ targetAgent, status });
  const tail = JSON.stringify({ requestId: id, durationMs: Math.max(0, session.now() - startedAt) });
  return { type: "control.result", payload: `${head.slice(0, -1)},"result":${result},${tail.slice(1)}` };
}

/** A command is over: who commanded is told, and the host of its callback, and the audit log. */
function finish(
  session: CommandSession,
  { id, payload }: ExecuteCommand,
  answer: Answer,
  outcome: string,
  isOver = true,
): void {
  const { principal, services } = session;
  if (principal === undefined) return;
  const { targetAgent: target, command, callback } = payload;
  services.audit({ event: "command", by: principal.agent, target, command, id, outcome });
  settle(session, id, answer, isOver);
  if (callback === undefined) return;
  const posted: unknown = JSON.parse(messageText(session, answer, { correlationId: id }));
  services.webhooks.send(callback.url, posted as Readonly<Record<string, unknown>>, principal);
}
