/** A socket of Node's. */
export interface Destroyable {
  destroy(error?: Error): unknown;
}

/**
 * Puts off what Node does at once when a socket cannot be read any more (the peer's process was killed): it takes 25 µs
 * for each, in the turn in which the system tells of all of them.
 */
export function breakInTurn(socket: Destroyable, later: (run: () => void) => void): void {
  if (Object.hasOwn(socket, "destroy")) return; // it does already
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    if (error === undefined || !("syscall" in error) || error.syscall !== "read") return destroy(error);
    later(() => {
      destroy(error);
    });
    return socket;
  };
}
