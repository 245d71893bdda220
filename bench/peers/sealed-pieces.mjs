// What sealing costs two clients of Agent Network, without a line between them: prints messages per second of CPU, and
// milliseconds of CPU of a handshake for each side, as JSON. The floor is libsodium alone on the same bytes.
//   node sealed-pieces.mjs MESSAGES
import sodium from "libsodium-wrappers";
import { Conversations } from "../../dist/clients/typescript/agent-network/conversations/conversations.js";
import { agreementPair, signingPair } from "../../dist/clients/typescript/agent-network/crypto/key-pairs.js";
import { ready } from "../../dist/clients/typescript/agent-network/crypto/sodium.js";
import { SecurityEvents } from "../../dist/clients/typescript/agent-network/security-events.js";
import { FakeClock } from "../../dist/src/conformance/fake-clock.js";

const messages = Number(process.argv[2]);
const handshakes = 200;
const clock = new FakeClock();
const bytes = (text) => new TextEncoder().encode(text);

/** Seconds of CPU of this process, of all its threads. */
async function cpu(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function party(self) {
  const events = new SecurityEvents();
  events.onEvent = (event) => {
    throw new Error(event.message);
  };
  const records = { read: async () => [], commit: async () => undefined, saveIdentity: async () => undefined };
  const identity = { signing: signingPair(), agreement: { ...agreementPair(), since: clock.now() }, earlier: [] };
  const isProcessed = () => false;
  return Conversations.open({ self, identity, records, clock, events, isProcessed, problem: console.error });
}

/** A frame of the document's size: a QUERY of 250 bytes. */
const frame = (id, senderId, recipientId, messageType, content, conversationId, encrypted = true) => ({
  messageId: `msg_${id}`,
  conversationId,
  senderId,
  recipientId,
  messageType,
  content,
  timestamp: 1_622_548_800_000 + id,
  metadata: { priority: "NORMAL", encrypted, requiresResponse: true },
});
const data = { requestId: "req_123", queryType: "CUSTOM", parameters: { text: "x".repeat(180) } };

await ready();
const [alice, bob] = [await party("alice"), await party("bob")];
const side = { alice: 0, bob: 0 };
for (let id = 0; id < handshakes; id += 1) {
  const conversation = `conv_${id}`;
  let answer;
  let offer;
  side.alice += await cpu(() => {
    offer = alice.offer("bob", conversation);
  });
  const offered = frame(id, "alice", "bob", "HANDSHAKE", offer, conversation, false);
  side.bob += await cpu(async () => ({ answer } = await bob.handshake(offered)));
  const answered = frame(id, "bob", "alice", "HANDSHAKE", answer, conversation, false);
  side.alice += await cpu(() => alice.handshake(answered));
  clock.advance(1_500); // as many as a peer may ask for
}

const conversation = `conv_${handshakes - 1}`;
const head = (id) => {
  const facts = frame(id, "alice", "bob", "ENCRYPTED", {}, conversation);
  delete facts.content;
  return facts;
};
const sealed = [];
const sealing = await cpu(() => {
  for (let id = 0; id < messages; id += 1) {
    const facts = head(id);
    const content = alice.seal({ ...facts, originalType: "QUERY" }, data, true);
    sealed.push(JSON.stringify({ ...facts, content }));
  }
});
let opened = 0;
const opening = await cpu(async () => {
  for (const text of sealed) opened += (await bob.open(JSON.parse(text))).length;
});
if (opened !== messages) throw new Error(`${opened} of ${messages} were opened`);

const { signing } = { signing: signingPair() };
const key = sodium.randombytes_buf(32);
const plain = bytes(JSON.stringify({ counter: 1, data }));
const header = bytes(JSON.stringify(head(1)));
const texts = [];
const floorSealing = await cpu(() => {
  for (let id = 0; id < messages; id += 1) {
    const nonce = crypto.getRandomValues(new Uint8Array(24));
    const box = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, header, null, nonce, key);
    texts.push({ nonce, box, signature: sodium.crypto_sign_detached(box, signing.privateKey) });
  }
});
const floorOpening = await cpu(() => {
  for (const { nonce, box, signature } of texts) {
    if (!sodium.crypto_sign_verify_detached(signature, box, signing.publicKey)) throw new Error("not signed");
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, box, header, nonce, key);
  }
});

process.stdout.write(
  JSON.stringify({
    sealed: messages / sealing,
    opened: messages / opening,
    floorSealed: messages / floorSealing,
    floorOpened: messages / floorOpening,
    offererMs: (side.alice / handshakes) * 1_000,
    answererMs: (side.bob / handshakes) * 1_000,
    bytes: sealed[0].length,
  }),
);
