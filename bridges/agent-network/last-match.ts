const letter = /^[a-z]$/;

/**
 * Runs something that reads a frame, and makes V8 let go of it: V8 keeps the whole text in which a regular expression
 * has found something last (`RegExp.input`), until one finds something in another (Agent Network §3.1).
 * @throws what it throws
 */
export function lettingGo<T>(read: () => T): T {
  try {
    return read();
  } finally {
    letter.test("x");
  }
}
