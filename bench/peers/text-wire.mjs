// A connection whose answers are counted as they pass: for servers that speak lines of text.
import { connect } from "node:net";

/** Opens a connection. `answers(text)`: how many answers are in a piece of text, which ends at a line. */
export async function openWire(port, answers) {
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.setNoDelay(true);
  let rest = "";
  let heard = 0;
  let wake = () => undefined;
  const wire = {
    /** The last piece of text. */
    last: "",
    write: (text) => socket.write(text),
    /** Resolves when so many answers have come in all. */
    async heard(count) {
      while (heard < count) await new Promise((resolve) => (wake = resolve));
    },
    get count() {
      return heard;
    },
    close: () => socket.destroy(),
  };
  socket.setEncoding("latin1").on("data", (chunk) => {
    rest += chunk;
    const end = rest.lastIndexOf("\n") + 1;
    if (end === 0) return;
    wire.last = rest.slice(0, end);
    heard += answers(wire.last);
    rest = rest.slice(end);
    wake();
  });
  return wire;
}

/** Says `one(number)` `count` times, with `ahead` of them unanswered at most. */
export async function pump(wire, { messages, ahead, batch, one }) {
  const before = wire.count;
  for (let said = 0; said < messages; said += batch) {
    await wire.heard(before + said - ahead);
    let text = "";
    for (let at = said; at < said + batch; at += 1) text += one(at);
    wire.write(text);
  }
  await wire.heard(before + messages);
}
