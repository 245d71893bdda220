import type { EventOf, ViewerEvent } from "./events.js";
import type { ViewerSession } from "./state.js";
import { tell } from "./streams/outlet.js";

/** What is answered: where its answer goes, and what that is about. */
export interface Asked {
  readonly id?: string | undefined;
  readonly metadata?: { readonly correlationId?: string | undefined } | undefined;
  readonly via?: string | undefined;
}

/** What all answers have. */
type Common = "id" | "timestamp" | "metadata";
/** An answer without that. */
type Words<T extends ViewerEvent["type"]> = { readonly type: T } & Omit<EventOf<T>, Common | "type">;

/** An answer as it is sent (Visualisation §2.2). */
export function answerTo<T extends ViewerEvent["type"]>(
  session: Pick<ViewerSession, "newId" | "now">,
  { id, metadata }: Asked,
  words: Words<T>,
): EventOf<T> {
  const correlationId = metadata?.correlationId ?? id;
  return {
    id: session.newId(),
    timestamp: new Date(session.now()).toISOString(),
    ...words,
    ...(correlationId !== undefined && { metadata: { correlationId } }),
  } as unknown as EventOf<T>; // the words, and what was left out of them
}

/** Answers in the channel that the question came in, else in the main stream. */
export function answer<T extends ViewerEvent["type"]>(session: ViewerSession, asked: Asked, words: Words<T>): void {
  tell(session, answerTo(session, asked, words), asked.via);
}
