import { createConnection } from "node:net";

/** A SUB written on a bare socket: greets, subscribes, and never reads again. */
export async function stuckSubscriber(url: string, topic: string): Promise<{ close(): void }> {
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.on("error", () => {
    socket.destroy();
  });
  const greeting = Buffer.alloc(64);
  greeting[0] = 0xff;
  greeting[9] = 0x7f;
  greeting[10] = 3;
  greeting.write("NULL", 12);
  socket.write(greeting);
  await heard(socket, 64);
  socket.write(command("READY", property("Socket-Type", "SUB")));
  await heard(socket, 8);
  socket.pause();
  const name = Buffer.from(topic);
  socket.write(Buffer.concat([Buffer.from([0, name.length + 1, 1]), name]));
  return {
    close() {
      socket.destroy();
    },
  };
}

/** Resolves once at least `bytes` more bytes have come. */
function heard(socket: ReturnType<typeof createConnection>, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let count = 0;
    const read = (chunk: Buffer): void => {
      count += chunk.length;
      if (count < bytes) return;
      socket.off("data", read);
      resolve();
    };
    socket.on("data", read);
    socket.once("close", () => {
      reject(new Error("the broker closed the connection"));
    });
  });
}

/** A ZMTP property: name with a length of one byte, value with a length of four (RFC 23). */
function property(name: string, value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(value));
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
}

/** A short ZMTP command frame. */
function command(name: string, body: Buffer): Buffer {
  const whole = Buffer.concat([Buffer.from([name.length]), Buffer.from(name), body]);
  return Buffer.concat([Buffer.from([0x04, whole.length]), whole]);
}
