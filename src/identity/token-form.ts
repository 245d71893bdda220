/** What is wrong with how a token was copied, or where it is shown; undefined if it looks like one. */
export function tokenForm(text: string): string | undefined {
  const [, label] = /^\s*(zmq|pan|jwt)\s+\S/.exec(text) ?? [];
  if (label !== undefined)
    return `this is a token with its label before it: send only what stands behind ${label} and the spaces`;
  if (text !== text.trim()) return "there is white space around the token, perhaps a line break: leave it out";
  return isJwtLike(text) && text.split(".").length !== 3
    ? "this begins like a JWT and is none: it has three parts with dots between; copy the whole of it"
    : undefined;
}

/** True for what begins like a JWT: `{"` in base64url. */
export function isJwtLike(text: string): boolean {
  return text.startsWith("eyJ");
}
