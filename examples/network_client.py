# A client of Agent Network with nothing but PyNaCl and websockets, as bridges/agent-network/README.md describes it:
# handshake, sealed messages, receipts. It answers whoever asks; with PEER and TEXT it asks, and prints the answer.
#
#   python3 network_client.py URL TOKEN NAME [PEER TEXT]
#
# What it leaves out: its keys and pins are gone when it ends, so it is another to its peers when it comes again under the
# same name; and it does not say again what has no receipt. The package synaptic_core.network does all of that.
#
import asyncio, base64, hmac, json, sys, time, uuid
import websockets
from nacl import bindings as na, utils

b64 = lambda data: base64.b64encode(data).decode()

def bytes_of(text, length=None):
    data = base64.b64decode(text, validate=True)
    assert b64(data) == text and length in (None, len(data)), "not base64 of that length"
    return data

def canonical(value):  # RFC 8785 while numbers are whole and keys lie below U+E000
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

def conversation_key(own, peer, conversation):
    secret = na.crypto_scalarmult(own, peer)  # throws at a point of low order
    extracted = hmac.new(conversation.encode(), secret, "sha256").digest()  # HKDF: extract,
    return hmac.new(extracted, b"encryption\x01", "sha256").digest()  # and one block of expand

def header(frame):
    names = "messageId conversationId senderId recipientId timestamp metadata".split()
    head = {name: frame[name] for name in names}
    return canonical({**head, "messageType": "ENCRYPTED", "originalType": frame["content"]["originalType"]})

def signed(parts, frame):
    sealed = parts["encryptedData"]
    return b"AN2\0" + parts["nonce"] + len(sealed).to_bytes(4, "big") + sealed + header(frame)

class Client:
    def __init__(self, name, line):
        self.name, self.line = name, line
        self.verify_key, self.sign_key = na.crypto_sign_keypair()  # keep these two, encrypted
        self.long_term, _ = na.crypto_box_keypair()  # for peers in seed mode only
        self.pins, self.used, self.talks, self.seen = {}, set(), {}, set()  # keep pins, used, seen, too
        self.answers = {}

    async def say(self, peer, kind, content, conversation, needs=False, encrypted=False, id=None):
        metadata = {"priority": "NORMAL", "encrypted": encrypted, "requiresResponse": needs}
        frame = {"messageId": id or str(uuid.uuid4()), "conversationId": conversation, "senderId": self.name,
                 "recipientId": peer, "messageType": kind, "content": content,
                 "timestamp": int(time.time() * 1000), "metadata": metadata}
        if encrypted:
            frame = self.seal(frame)
        await self.line.send(json.dumps(frame))
        return frame["messageId"]

    # --- the handshake
    def talk(self, peer, conversation):
        new = {"own": na.crypto_box_keypair(), "peer": None, "key": None, "out": 0, "in": 0, "ready": asyncio.Event()}
        return self.talks.setdefault((peer, conversation), new)

    async def offer(self, peer, conversation, answers=None):
        content = {"agentId": self.name, "publicKey": b64(self.long_term), "v": 2, "signingKey": b64(self.verify_key),
                   "ephemeralKey": b64(self.talk(peer, conversation)["own"][0])}
        if answers:
            content["answers"] = b64(answers)
        content["signature"] = b64(self.sign(self.handshake_text(content, conversation, self.name, peer)))
        await self.say(peer, "HANDSHAKE", content, conversation, needs=not answers)

    def handshake_text(self, content, conversation, sender, recipient):
        covered = {name: value for name, value in content.items() if name != "signature"}
        facts = {"conversationId": conversation, "senderId": sender, "recipientId": recipient}
        return b"AN2H\0" + canonical({**covered, **facts})

    async def handshake(self, frame):
        peer, conversation, content = frame["senderId"], frame["conversationId"], frame["content"]
        assert content["agentId"] == peer and content["v"] == 2
        assert not {"conversationId", "senderId", "recipientId"} & content.keys()
        key, theirs = bytes_of(content["signingKey"], 32), bytes_of(content["ephemeralKey"], 32)
        verify(bytes_of(content["signature"], 64), self.handshake_text(content, conversation, peer, self.name), key)
        assert self.pins.setdefault(peer, key) == key, f"the key of {peer} has changed"
        talk = self.talk(peer, conversation)
        answers = bytes_of(content["answers"], 32) if "answers" in content else None
        if answers is not None:
            assert answers == talk["own"][0], "an answer to another offer"
        elif theirs != talk["peer"]:
            assert theirs not in self.used, "an ephemeral key that was used before"
            if talk["key"]:  # it was complete: this begins a new one
                del self.talks[peer, conversation]
                talk = self.talk(peer, conversation)
        if talk["peer"] != theirs:
            self.used.add(theirs)
            talk.update(peer=theirs, key=conversation_key(talk["own"][1], theirs, conversation))
        if answers is None:
            await self.offer(peer, conversation, answers=theirs)
        talk["ready"].set()

    # --- what is sealed
    def sign(self, text):
        return na.crypto_sign(text, self.sign_key)[:64]

    def seal(self, frame):
        talk, kind = self.talk(frame["recipientId"], frame["conversationId"]), frame["messageType"]
        counter = 0 if kind == "RECEIPT" else talk["out"] + 1
        talk["out"] = counter or talk["out"]
        plain = canonical({"counter": counter, "data": frame["content"]})
        frame = {**frame, "messageType": "ENCRYPTED", "content": {"originalType": kind}}
        nonce = utils.random(24)
        sealed = na.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, header(frame), nonce, talk["key"])
        signature = self.sign(signed({"nonce": nonce, "encryptedData": sealed}, frame))
        content = {"encryptedData": b64(sealed), "nonce": b64(nonce), "signature": b64(signature), "originalType": kind}
        return {**frame, "content": content}

    async def opened(self, frame):
        peer, conversation = frame["senderId"], frame["conversationId"]
        parts = {name: bytes_of(frame["content"][name]) for name in ("encryptedData", "nonce", "signature")}
        verify(parts["signature"], signed(parts, frame), self.pins[peer])
        talk = self.talk(peer, conversation)
        if not talk["key"]:  # signed well, but it was sealed before a restart
            return await self.offer(peer, conversation)
        plain = na.crypto_aead_xchacha20poly1305_ietf_decrypt(
            parts["encryptedData"], header(frame), parts["nonce"], talk["key"])
        counter, data, kind = json.loads(plain)["counter"], json.loads(plain)["data"], frame["content"]["originalType"]
        if kind == "RECEIPT":
            return  # each of data["messageIds"] was processed: forget it
        if (peer, frame["messageId"]) not in self.seen:
            assert counter == talk["in"] + 1, "a gap, or a counter that was there before"
            talk["in"] = counter
            await self.heard(peer, conversation, kind, data)
            self.seen.add((peer, frame["messageId"]))
        await self.say(peer, "RECEIPT", {"messageIds": [frame["messageId"]]}, conversation, encrypted=True)

    # --- what it is for
    async def heard(self, peer, conversation, kind, data):
        if kind == "QUERY":
            answer = {"requestId": data["requestId"], "data": {"text": f"{self.name} heard: {data}"}, "error": None}
            await self.say(peer, "RESPONSE", answer, conversation, encrypted=True)
        elif kind == "RESPONSE" and data["requestId"] in self.answers:
            self.answers.pop(data["requestId"]).set_result(data)

    async def ask(self, peer, text, conversation):
        await self.offer(peer, conversation)
        await asyncio.wait_for(self.talk(peer, conversation)["ready"].wait(), 10)
        id, answer = str(uuid.uuid4()), asyncio.get_running_loop().create_future()
        self.answers[id] = answer
        question = {"requestId": id, "queryType": "CUSTOM", "parameters": {"text": text}}
        await self.say(peer, "QUERY", question, conversation, needs=True, encrypted=True)
        return await asyncio.wait_for(answer, 10)

    async def listen(self):
        async for text in self.line:
            frame = json.loads(text)
            try:
                if frame["messageType"] == "HANDSHAKE":
                    await self.handshake(frame)
                elif frame["messageType"] == "ENCRYPTED":
                    await self.opened(frame)
                elif frame["messageType"] == "ERROR" and frame["senderId"] == "system":
                    print("refused:", frame["content"]["message"], file=sys.stderr)
            except Exception as problem:  # dropped, told, never answered
                print("dropped:", frame["senderId"], repr(problem), file=sys.stderr)

def verify(signature, text, key):
    na.crypto_sign_open(signature + text, key)  # throws if it is not

async def main(url, token, name, peer=None, text=None):
    async with websockets.connect(url, subprotocols=["agent-network.v1"]) as line:
        await line.send(json.dumps({"type": "AUTH", "token": token, "agentId": name}))
        connected = json.loads(await line.recv())
        assert connected["messageType"] == "CONNECTED", connected["content"]["message"]
        client = Client(name, line)
        listening = asyncio.ensure_future(client.listen())
        print("ready", flush=True)
        if peer:
            print(json.dumps(await client.ask(peer, text, f"conv_{uuid.uuid4()}")))
            listening.cancel()
        else:
            await listening

asyncio.run(main(*sys.argv[1:]))
