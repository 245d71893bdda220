import { asFault, eventsTopic, type DialectService, type DialectTypes, type Envelope } from "#dialect";
import { answersOf, placeOf, type Command, type CommandSession } from "./command-session.js";
import { errorAnswer, isRefusal, messageText, settle, tellAnswer, tellText } from "./told.js";

/** `control.multi-agent.configure` (Visualisation §5.5). */
export interface ConfigureCommand extends Command {
  readonly payload: { readonly "multi-agentId": string; readonly configuration: Readonly<Record<string, unknown>> };
}

const configured = "control.multi-agent.configured";
/** What the broker says at `$events`. */
const configuredKind = "multi-agent.configured";

/**
 * Sets a multi-agent up. All viewers of commands are told; who has done it by its answer.
 * @throws Fault conflict, full: an id that was said before, nothing was changed
 */
export function configure(session: CommandSession, command: ConfigureCommand): void | Promise<void> {
  const { id, payload } = command;
  const { state } = session;
  const answers = answersOf(session);
  const place = placeOf(command);
  const known = answers.repeated(id, place);
  if (known !== undefined) {
    if (known !== "under way") tellAnswer(session, id, known, place);
    return undefined;
  }
  answers.begin(id, place);
  state.configuring = payload["multi-agentId"];
  const failed = (thrown: unknown): void => {
    state.configuring = undefined;
    const fault = asFault(thrown);
    settle(session, id, errorAnswer(id, fault), !isRefusal(fault));
  };
  try {
    const done = session.ask("multi-agent.configure", { ...payload }, ({ json }) => {
      state.configuring = undefined;
      const { data } = JSON.parse(json) as { readonly data: Readonly<Record<string, unknown>> };
      settle(session, id, { type: configured, payload: JSON.stringify({ ...data, requestId: id }) });
    });
    return done?.catch(failed);
  } catch (thrown) {
    failed(thrown);
    return undefined;
  }
}

/**
 * Tells viewers of commands how multi-agents are set up, from whatever dialect. The returned function ends it.
 * @param sessions those that have shaken hands
 */
export function announceConfigured(
  service: Pick<DialectService<DialectTypes>, "subscribe">,
  sessions: () => Iterable<CommandSession>,
): () => void {
  return service.subscribe(eventsTopic, (envelope) => {
    if (envelope.content.kind === configuredKind) announce(envelope, sessions());
  });
}

function announce({ content: { data } }: Envelope, sessions: Iterable<CommandSession>): void {
  const { "multi-agentId": id, by } = data as { readonly "multi-agentId": string; readonly by: string };
  const payload = JSON.stringify(data);
  let text: string | undefined;
  for (const session of sessions) {
    const { state, principal } = session;
    if (!state.streams.has(configured)) continue;
    // It hears of it by its answer.
    if (state.configuring === id && principal?.agent === by) continue;
    text ??= messageText(session, { type: configured, payload });
    tellText(session, configured, text);
  }
}
