// libzmq's own proxy through the zeromq package: XSUB and XPUB, no high-water marks. Prints its doors as one JSON line.
import { Proxy, XPublisher, XSubscriber } from "zeromq";

const front = new XSubscriber({ receiveHighWaterMark: 0, linger: 0 });
const back = new XPublisher({ sendHighWaterMark: 0, linger: 0 });
await front.bind("tcp://127.0.0.1:*");
await back.bind("tcp://127.0.0.1:*");
const proxy = new Proxy(front, back);
console.log(JSON.stringify({ zmqIn: [front.lastEndpoint], zmqOut: [back.lastEndpoint] }));
await proxy.run();
