// libzmq on both ends. `reader`: prints messages per second from the first one on. `writer`: sends as fast as the
// socket takes it, until ended or the time is over.
//   libzmq-client.mjs reader|writer URL SECONDS
import { Publisher, Subscriber } from "zeromq";

const [role, url, seconds] = process.argv.slice(2);
const topic = "bench0";
const payload = JSON.stringify({
  message_id: "m",
  timestamp: "2026-01-01T00:00:00.000Z",
  from: "bench-writer",
  to: topic,
  type: "inform",
  priority: "NORMAL",
  content: { message: "x".repeat(140) },
});

if (role === "reader") {
  const socket = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  socket.connect(url);
  socket.subscribe(topic);
  await socket.receive();
  const begun = performance.now();
  let count = 0;
  setTimeout(
    () => {
      console.log(JSON.stringify({ perSecond: count / ((performance.now() - begun) / 1000) }));
      process.exit(0);
    },
    Number(seconds) * 1000,
  );
  for (;;) {
    await socket.receive();
    count += 1;
  }
} else {
  const socket = new Publisher({ linger: 0, sendHighWaterMark: 2_000 });
  socket.connect(url);
  const end = performance.now() + Number(seconds) * 1000;
  while (performance.now() < end) await socket.send([topic, payload]);
  socket.close();
}
