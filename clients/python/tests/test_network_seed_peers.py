"""A client as the document's own example is: a HANDSHAKE of two fields, and no receipts."""
import asyncio
import unittest

from synaptic_core.network import sodium
from synaptic_core.network.canonical import from_base64, to_base64
from synaptic_core.network.frames import conversation_of
from synaptic_core.network.handshakes import make_seed_handshake
from synaptic_core.network.sealed import read_sealed
from synaptic_core.network.seed_mode import open_for_seed, seal_for_seed, seed_keys, verify_for_seed

from .network_agents import WAIT_S, Heard, NetworkCase, eventually

CONVERSATION = conversation_of("agent_alice", "agent_old")


class SeedPeers(NetworkCase):
    async def asyncSetUp(self):
        self.alice, self.old = await self.connect("agent_alice"), await self.raw("agent_old")
        self.told = []
        self.alice.on_security(self.told.append)
        self.pair, self.signing = sodium.agreement_pair(), sodium.signing_pair()

    async def shakes(self, wants_response, pair=None):
        content = make_seed_handshake("agent_old", (pair or self.pair).public, self.signing.public)
        await self.old.says(messageId=sodium.random_bytes(8).hex(), conversationId=CONVERSATION, recipientId="agent_alice", messageType="HANDSHAKE", content=content, metadata={"requiresResponse": wants_response})

    async def says(self, kind, content, message_id):
        metadata = {"priority": "NORMAL", "encrypted": True}
        sealed = seal_for_seed(content, kind, metadata, self.key, self.signing.private, sodium.random_bytes(24))
        await self.old.says(messageId=message_id, conversationId=CONVERSATION, recipientId="agent_alice", messageType="ENCRYPTED", content=sealed, metadata=metadata)

    def learns(self, handshake):
        self.key = seed_keys(self.pair.private, from_base64(handshake["content"]["publicKey"])).encryption
        self.alices = from_base64(handshake["content"]["signingKey"])

    def opens(self, frame):
        parts = read_sealed(frame["content"], is_seed=True)
        verify_for_seed(parts, frame["metadata"], self.alices)
        return open_for_seed(parts, self.key)

    async def test_that_are_spoken_to_first_answer_and_are_answered(self):
        asked = asyncio.create_task(self.alice.query("agent_old", "CUSTOM", {"text": "?"}, request_id="r1", timeout_s=WAIT_S))
        offer = await self.old.hears("HANDSHAKE")
        self.assertEqual(offer["content"]["v"], 2)
        self.learns(offer)
        await self.shakes(False)
        query = await self.old.hears("ENCRYPTED")
        self.assertEqual(self.opens(query)["parameters"], {"text": "?"})
        await self.says("RESPONSE", {"requestId": "r1", "data": {"text": "yes"}, "error": None}, "answer_1")
        answer = await asked
        self.assertEqual((answer.text, answer.is_sealed, answer.is_verified), ("yes", True, True))
        await eventually(lambda: self.alice.metrics.delivered == 1)  # by the broker's ACK

    async def test_that_speak_first_are_answered_and_heard_once(self):
        heard = Heard(self.alice, "NOTE")
        await self.shakes(True)
        answer = await self.old.hears("HANDSHAKE")
        self.assertEqual(sorted(answer["content"]), ["agentId", "publicKey", "signingKey"])
        self.learns(answer)
        for message_id, text in (("m1", "one"), ("m1", "one"), ("m2", "two")):
            await self.says("NOTE", {"text": text}, message_id)
        self.assertEqual(await heard.texts(2), ["one", "two"])

    async def test_that_show_another_key_are_refused(self):
        await self.shakes(True)
        self.learns(await self.old.hears("HANDSHAKE"))
        await self.shakes(True, sodium.agreement_pair())
        await eventually(lambda: self.told)
        self.assertEqual([event.kind for event in self.told], ["key-changed"])
        heard = Heard(self.alice, "NOTE")
        await self.says("NOTE", {"text": "from the old key"}, "m9")
        await eventually(lambda: len(self.told) == 2)
        self.assertEqual((self.told[1].kind, heard.messages), ("not-opened", []))

    async def test_whose_name_was_known_at_version_2_are_refused(self):
        modern = await self.connect("agent_modern")
        await asyncio.wait_for((await self.alice.inform("agent_modern", "hello")).delivered, WAIT_S)
        await modern.close()
        forged = await self.raw("agent_modern")
        content = {"agentId": "agent_modern", "publicKey": to_base64(self.pair.public)}
        await forged.says(recipientId="agent_alice", messageType="HANDSHAKE", content=content, metadata={"requiresResponse": True})
        await eventually(lambda: self.told)
        self.assertEqual([event.kind for event in self.told], ["downgrade"])


if __name__ == "__main__":
    unittest.main()
