import type { Fields } from "./fields.js";

/** The document's codes, and those of this client: `TIMEOUT`, `CLOSED`, `BAD_OPTION`. */
export type ViewerErrorCode =
  | "CONNECTION_FAILED"
  | "AUTH_FAILED"
  | "INVALID_MESSAGE"
  | "AGENT_NOT_FOUND"
  | "COMMAND_FAILED"
  | "RATE_LIMIT_EXCEEDED"
  | "INTERNAL_ERROR"
  | "TIMEOUT"
  | "CLOSED"
  | "BAD_OPTION";

/** A failure with its code (Visualisation §6.1); the message names the remedy. */
export class ViewerError extends Error {
  override readonly name = "ViewerError";
  /** One of {@link ViewerErrorCode}; a newer broker may say others. */
  readonly code: string;
  /** False: the same will fail again. */
  readonly recoverable: boolean;
  /** What to do, as a word for programs; undefined where the broker was not asked. */
  readonly suggestedAction: string | undefined;
  /** The broker's `details`. */
  readonly details: Fields;

  constructor(code: string, message: string, more: Partial<Omit<ViewerError, "code" | "message" | "name">> = {}) {
    super(message);
    this.code = code;
    this.recoverable = more.recoverable ?? true;
    this.suggestedAction = more.suggestedAction;
    this.details = more.details ?? {};
  }
}

/** The same with a code that the compiler knows. */
export function viewerError(code: ViewerErrorCode, message: string, details: Fields = {}): ViewerError {
  return new ViewerError(code, message, { details, recoverable: code !== "BAD_OPTION" });
}

/** What an `error` of the broker's says. */
export function errorOf(payload: Fields): ViewerError {
  const { code, message, recoverable, suggestedAction, details } = payload;
  return new ViewerError(
    typeof code === "string" ? code : "INTERNAL_ERROR",
    typeof message === "string" ? message : "the broker has refused it and does not say why",
    {
      recoverable: recoverable !== false,
      suggestedAction: typeof suggestedAction === "string" ? suggestedAction : undefined,
      details: typeof details === "object" && details !== null ? (details as Fields) : {},
    },
  );
}
