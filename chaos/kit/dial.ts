import { connect, type Socket } from "node:net";

/** Connects to `tcp://…` or `ws://…`, and says this; errors later on only end it. Rejects when it cannot connect. */
export function dial(url: string, words: string | Buffer): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      socket.on("error", () => socket.destroy());
      if (words.length > 0) socket.write(words);
      resolve(socket);
    });
  });
}

/** The head of an upgrade to a WebSocket (RFC 6455 §4.1). */
export function upgrade(url: string, path: string): string {
  const { host } = new URL(url);
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
}
