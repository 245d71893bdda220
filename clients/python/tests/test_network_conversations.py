import unittest
from dataclasses import replace

from synaptic_core import Fault
from synaptic_core.network import sodium
from synaptic_core.network.canonical import to_base64
from synaptic_core.network.handshakes import make_seed_handshake
from synaptic_core.network.store import MemoryStore

from .network_pairs import CONVERSATION, Clock, Side, changed


class Handshakes(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.clock = Clock()
        self.alice, self.bob = await Side.open("agent_alice", self.clock), await Side.open("agent_bob", self.clock)

    async def talk_both_ways(self):
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"text": "hi"})), [{"text": "hi"}])
        self.assertEqual(await self.alice.opens(self.bob.seals(self.alice, {"text": "ho"})), [{"text": "ho"}])

    async def test_give_both_sides_one_key(self):
        await self.alice.meets(self.bob)
        await self.talk_both_ways()
        self.assertEqual(self.alice.kinds + self.bob.kinds, [])
        self.assertIsNone(self.alice.offers(self.bob))

    async def test_that_cross_each_other_agree(self):
        from_alice, from_bob = self.alice.offers(self.bob), self.bob.offers(self.alice)
        by_bob, by_alice = await self.bob.hears_handshake(from_alice), await self.alice.hears_handshake(from_bob)
        self.assertIsNone(await self.bob.hears_handshake(by_alice))
        self.assertIsNone(await self.alice.hears_handshake(by_bob))
        await self.talk_both_ways()
        self.assertEqual(self.alice.kinds + self.bob.kinds, [])

    async def test_that_come_once_more_are_answered_alike_once_a_second(self):
        offer = self.alice.offers(self.bob)
        first = await self.bob.hears_handshake(offer)
        self.assertIsNone(await self.bob.hears_handshake(offer))
        self.clock.now += 1
        again = await self.bob.hears_handshake(self.alice.offers(self.bob))
        self.assertEqual(again.content, first.content)
        await self.alice.hears_handshake(again)
        await self.talk_both_ways()

    async def test_of_an_agent_that_was_started_anew_replace_the_key(self):
        store = MemoryStore()
        self.alice = await Side.open("agent_alice", self.clock, store, "pass")
        await self.alice.meets(self.bob)
        lost = self.bob.seals(self.alice, {"n": 1})
        self.alice = await Side.open("agent_alice", self.clock, store, "pass")
        self.assertEqual(await self.alice.opens(lost), [])
        self.assertEqual((self.alice.kinds, self.alice.wanted), (["not-opened"], [("agent_bob", CONVERSATION)]))
        await self.alice.opens(lost)
        self.assertEqual(len(self.alice.wanted), 1, "once a minute")
        await self.alice.meets(self.bob)
        await self.talk_both_ways()

    async def test_by_another_key_are_refused_until_it_is_accepted(self):
        await self.alice.meets(self.bob)
        stranger = await Side.open("agent_alice", self.clock)
        self.assertIsNone(await self.bob.hears_handshake(stranger.offers(self.bob)))
        event = self.bob.told[-1]
        self.assertEqual((event.kind, event.fingerprints.pinned, event.fingerprints.shown), ("key-changed", self.alice.vault.identity.fingerprint, stranger.vault.identity.fingerprint))
        with self.assertRaises(Fault) as refused:
            self.bob.offers(self.alice)
        self.assertEqual(refused.exception.code, "forbidden")
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {})), [], "nothing is opened meanwhile")
        with self.assertRaises(Fault) as wrong:
            await self.bob.conversations.accept_key("agent_alice", "0000")
        self.assertEqual(wrong.exception.code, "conflict")
        await self.bob.conversations.accept_key("agent_alice", stranger.vault.identity.fingerprint.upper())
        await stranger.meets(self.bob)
        self.assertEqual(await self.bob.opens(stranger.seals(self.bob, {"new": True})), [{"new": True}])

    async def test_that_cannot_be_kept_pin_nothing(self):
        async def full(*changes):
            raise Fault("unavailable", "the disk is full")

        kept, self.bob.vault.commit = self.bob.vault.commit, full
        with self.assertRaises(Fault):
            await self.bob.hears_handshake(self.alice.offers(self.bob))
        self.assertEqual(self.bob.peers.all(), [])
        self.bob.vault.commit = kept
        await self.alice.meets(self.bob)
        pinned = self.bob.peers.all()
        self.bob.vault.commit = full
        with self.assertRaises(Fault):
            await self.bob.hears_handshake((await Side.open("agent_alice", self.clock)).offers(self.bob))
        self.assertEqual(self.bob.peers.all(), pinned)

    async def test_by_another_key_change_nothing_where_the_pinned_one_is_right(self):
        await self.alice.meets(self.bob)
        await self.bob.hears_handshake((await Side.open("agent_alice", self.clock)).offers(self.bob))
        await self.bob.conversations.accept_key("agent_alice", self.alice.vault.identity.fingerprint)
        await self.bob.meets(self.alice)
        await self.talk_both_ways()

    async def test_without_a_version_are_refused_where_it_was_known(self):
        await self.alice.meets(self.bob)
        pair = sodium.agreement_pair()
        old = self.alice.frame(self.bob, "HANDSHAKE", make_seed_handshake("agent_alice", pair.public, self.alice.vault.identity.signing.public))
        self.assertIsNone(await self.bob.hears_handshake(old))
        self.assertEqual(self.bob.kinds, ["downgrade"])
        await self.talk_both_ways()

    async def test_that_do_not_hold_are_refused(self):
        offer = self.alice.offers(self.bob)
        other = to_base64(sodium.signing_pair().public)
        wrong = [
            (changed(offer, agentId="agent_eve"), "malformed"), (changed(offer, v=3), "malformed"), (changed(offer, v=True), "malformed"),
            (changed(offer, senderId="agent_alice"), "malformed"), (changed(offer, more=1e400), "malformed"), (changed(offer, signature="x"), "malformed"),
            (changed(offer, publicKey="AAAA"), "bad-key"), (changed(offer, ephemeralKey=None), "malformed"), (changed(offer, signingKey=other), "bad-signature"),
            (changed(offer, more=1), "bad-signature"), (replace(offer, conversation_id="conv_2"), "bad-signature"), (replace(offer, recipient_id="agent_eve"), "bad-signature"),
        ]
        for frame, kind in wrong:
            self.clock.now += 1
            with self.subTest(kind, content=frame.content):
                self.assertIsNone(await self.bob.hears_handshake(frame))
                self.assertEqual(self.bob.kinds[-1], kind)
        self.assertEqual(self.bob.peers.all(), [])

    async def test_with_a_point_of_low_order_are_refused(self):
        signing = self.alice.vault.identity.signing
        from synaptic_core.network.handshakes import HandshakeFacts, make_handshake
        content = make_handshake(HandshakeFacts(CONVERSATION, "agent_alice", "agent_bob"), signing, bytes(32), bytes(32))
        self.assertIsNone(await self.bob.hears_handshake(self.alice.frame(self.bob, "HANDSHAKE", content)))
        self.assertEqual(self.bob.kinds, ["bad-key"])

    async def test_that_were_used_are_refused_over_a_restart(self):
        store = MemoryStore()
        self.bob = await Side.open("agent_bob", self.clock, store, "pass")
        offer = self.alice.offers(self.bob)
        await self.bob.hears_handshake(offer)
        self.bob = await Side.open("agent_bob", self.clock, store, "pass")
        self.assertIsNone(await self.bob.hears_handshake(offer))
        self.assertEqual(self.bob.kinds, ["used-ephemeral"])

    async def test_that_answer_nothing_are_refused(self):
        answer = await self.bob.hears_handshake(self.alice.offers(self.bob))
        await self.alice.hears_handshake(answer)
        self.assertIsNone(await self.alice.hears_handshake(answer))
        self.assertEqual(self.alice.kinds, [], "that of the handshake just completed")
        self.alice.conversations.drop_keys("agent_bob")
        self.assertIsNone(await self.alice.hears_handshake(answer))
        self.assertEqual(self.alice.kinds, ["unbound-answer"])
        self.assertFalse(self.alice.conversations.is_ready("agent_bob", CONVERSATION))

    async def test_are_read_once_a_second(self):
        offer = self.alice.offers(self.bob)
        for _ in range(11):
            await self.bob.hears_handshake(offer)
        self.assertEqual(self.bob.kinds, ["flood"])


class Sealed(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.clock = Clock()
        self.alice, self.bob = await Side.open("agent_alice", self.clock), await Side.open("agent_bob", self.clock)
        await self.alice.meets(self.bob)

    async def test_frames_that_do_not_hold_are_refused_and_three_bring_a_handshake(self):
        frame = self.alice.seals(self.bob, {"n": 1})
        zeros = to_base64(bytes(64))
        wrong = [
            (changed(frame, nonce="AAAA"), "malformed"), (changed(frame, encryptedData="AAAA"), "malformed"), (changed(frame, more=1), "malformed"),
            (changed(frame, signature=zeros), "bad-signature"), (changed(frame, originalType="QUERY"), "bad-signature"), (replace(frame, message_id="other"), "bad-signature"),
            (replace(frame, timestamp=1), "bad-signature"), (replace(frame, metadata={**frame.metadata, "priority": "HIGH"}), "bad-signature"),
        ]
        for one, kind in wrong:
            with self.subTest(kind):
                self.assertEqual(await self.bob.opens(one), [])
                self.assertEqual(self.bob.kinds[-1], kind)
        self.assertEqual(self.bob.wanted, [("agent_alice", CONVERSATION)], "one handshake a minute")
        self.assertEqual(await self.bob.opens(frame), [{"n": 1}])

    async def test_frames_by_another_key_do_not_open(self):
        head_of = self.alice.seals(self.bob, {"n": 1})
        self.alice.conversations._talks[("agent_bob", CONVERSATION)].session.key = bytes(32)
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"n": 2})), [])
        self.assertEqual(self.bob.kinds, ["bad-tag"])
        self.assertEqual(await self.bob.opens(head_of), [{"n": 1}])

    async def test_frames_are_handed_over_in_the_order_of_their_counter(self):
        one, two, three, four = (self.alice.seals(self.bob, {"n": n}) for n in (1, 2, 3, 4))
        self.assertEqual([await self.bob.opens(frame) for frame in (two, two, one, four, three)], [[], [], [{"n": 1}, {"n": 2}], [], [{"n": 3}, {"n": 4}]])
        again = await self.bob.conversations.open(two)
        self.assertEqual([opened.is_again for opened in again], [True])

    async def test_a_counter_twice_is_refused(self):
        session = self.alice.conversations._talks[("agent_bob", CONVERSATION)].session
        await self.bob.opens(self.alice.seals(self.bob, {"n": 1}))
        session._counter = 0
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"n": 2})), [])
        self.assertEqual(self.bob.kinds, ["counter-reused"])

    async def test_what_is_missing_is_told_after_a_minute_and_handed_over_late(self):
        one, two, three = (self.alice.seals(self.bob, {"n": n}) for n in (1, 2, 3))
        await self.bob.opens(two)
        await self.bob.opens(three)
        self.assertEqual(self.bob.conversations.tick(), [])
        self.clock.now += 60
        self.assertEqual([opened.frame.content["n"] for opened in self.bob.conversations.tick()], [2, 3])
        self.assertEqual(self.bob.kinds, ["gap"])
        late = await self.bob.conversations.open(one)
        self.assertEqual([(opened.frame.content["n"], opened.is_late) for opened in late], [(1, True)])

    async def test_257_that_wait_are_too_many(self):
        self.alice.seals(self.bob, {"n": 0})
        released = [await self.bob.opens(self.alice.seals(self.bob, {"n": n})) for n in range(1, 258)]
        self.assertEqual([len(one) for one in released], [0] * 256 + [257])
        self.assertEqual(self.bob.kinds, ["gap"])

    async def test_what_waits_has_a_bound_in_bytes(self):
        self.alice.seals(self.bob, {"n": 0})
        frames = [self.alice.seals(self.bob, {"n": n}) for n in (1, 2, 3)]
        released = [await self.bob.conversations.open(frame, 2_000_000) for frame in frames]
        self.assertEqual([len(one) for one in released], [0, 0, 3])
        self.assertEqual(self.bob.kinds, ["gap"])

    async def test_the_key_before_opens_for_a_minute(self):
        before = [self.alice.seals(self.bob, {"n": n}) for n in (1, 2)]
        self.alice.conversations.renew_all()
        self.assertEqual(self.alice.wanted, [("agent_bob", CONVERSATION)])
        await self.alice.meets(self.bob)
        self.assertEqual(await self.bob.opens(before[0]), [{"n": 1}])
        self.clock.now += 61
        self.assertEqual(await self.bob.opens(before[1]), [])
        self.assertEqual(self.bob.kinds, ["bad-tag"])
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"n": 3})), [{"n": 3}])

    async def test_nothing_is_missed_under_a_key_that_was_replaced(self):
        self.alice.seals(self.bob, {"n": 1})
        await self.bob.opens(self.alice.seals(self.bob, {"n": 2}))
        self.alice.conversations.renew_all()
        await self.alice.meets(self.bob)
        self.clock.now += 60
        self.assertEqual((self.bob.conversations.tick(), self.bob.kinds), ([], []), "it is sealed anew")

    async def test_keys_are_renewed_after_thirty_days(self):
        self.clock.now += 30 * 86_400 + 1
        self.alice.conversations.tick()
        self.alice.conversations.tick()
        self.assertEqual(self.alice.wanted, [("agent_bob", CONVERSATION)])

    async def test_a_receipt_has_no_counter(self):
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"messageIds": []}, "RECEIPT")), [{"messageIds": []}])
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"n": 1})), [{"n": 1}])

    async def test_conversations_have_bounds(self):
        for n in range(70):
            self.clock.now += 1
            await self.alice.meets(self.bob, f"c{n}")
        self.assertEqual(len(self.bob.conversations._talks), 64)
        self.assertFalse(self.bob.conversations.is_ready("agent_alice", "c0"))
        self.assertTrue(self.bob.conversations.is_ready("agent_alice", "c69"))


class SeedMode(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.clock = Clock()
        self.store = MemoryStore()
        self.alice, self.old = await Side.open("agent_alice", self.clock, self.store, "pass"), await Side.open("agent_old", self.clock)

    async def meets(self, has_signing=True):
        """As a client of the document's own examples does."""
        self.pair, self.signing = sodium.agreement_pair(), sodium.signing_pair()
        content = make_seed_handshake("agent_old", self.pair.public, self.signing.public if has_signing else None)
        frame = self.old.frame(self.alice, "HANDSHAKE", content, metadata={"requiresResponse": True})
        return await self.alice.hears_handshake(frame)

    def says(self, data, key=None):
        from synaptic_core.network.seed_mode import seal_for_seed, seed_keys
        keys = seed_keys(self.pair.private, key or self.alice.vault.identity.agreement.public)
        metadata = {"priority": "NORMAL", "encrypted": True}
        return self.old.frame(self.alice, "ENCRYPTED", seal_for_seed(data, "QUERY", metadata, keys.encryption, self.signing.private, sodium.random_bytes(24)), metadata=metadata)

    async def test_is_spoken_with_who_has_no_version(self):
        answer = await self.meets()
        self.assertEqual(sorted(answer.content), ["agentId", "publicKey", "signingKey"])
        (opened,) = await self.alice.conversations.open(self.says({"n": 1}))
        self.assertEqual((opened.frame.content, opened.frame.message_type, opened.mode, opened.is_verified), ({"n": 1}, "QUERY", "seed", True))
        from synaptic_core.network.sealed import read_sealed
        from synaptic_core.network.seed_mode import open_for_seed, seed_keys, verify_for_seed
        frame = self.alice.seals(self.old, {"n": 2})
        parts = read_sealed(frame.content)
        verify_for_seed(parts, frame.metadata, self.alice.vault.identity.signing.public)
        self.assertEqual(open_for_seed(parts, seed_keys(self.pair.private, self.alice.vault.identity.agreement.public).encryption), {"n": 2})

    async def test_marks_what_nobody_signs(self):
        await self.meets(has_signing=False)
        (opened,) = await self.alice.conversations.open(self.says({"n": 1}))
        self.assertFalse(opened.is_verified)

    async def test_refuses_another_signature_and_another_key(self):
        await self.meets()
        frame = self.says({"n": 1})
        self.assertEqual(await self.alice.opens(changed(frame, signature=to_base64(bytes(64)))), [])
        self.assertEqual(await self.alice.opens(replace(frame, metadata={})), [])
        self.assertIsNone(await self.meets())
        self.assertEqual(self.alice.kinds, ["bad-signature", "bad-signature", "key-changed"])

    async def test_opens_by_the_pin_after_a_restart_and_by_the_long_term_key_before(self):
        await self.meets()
        before = self.says({"n": 1})
        self.alice = await Side.open("agent_alice", self.clock, self.store, "pass")
        self.assertEqual(await self.alice.opens(before), [{"n": 1}])
        from synaptic_core.network.frames import now_ms
        await self.alice.vault.save_identity(self.alice.vault.identity.renewed(now_ms(), 60_000))
        self.alice.conversations.renew_all()
        self.assertEqual(await self.alice.opens(before), [{"n": 1}])
        self.assertEqual(await self.alice.opens(self.says({"n": 2})), [{"n": 2}])
        self.assertFalse(self.alice.conversations.is_ready("agent_old", CONVERSATION), "it has to hear of the new key")

    async def test_ends_where_the_same_signing_key_comes_at_version_2(self):
        self.old.vault.identity = replace(self.old.vault.identity, signing=sodium.signing_pair())
        pair = sodium.agreement_pair()
        content = make_seed_handshake("agent_old", pair.public, self.old.vault.identity.signing.public)
        await self.alice.hears_handshake(self.old.frame(self.alice, "HANDSHAKE", content))
        await self.old.meets(self.alice)
        self.assertEqual(self.alice.conversations.mode("agent_old"), 2)
        self.assertEqual(await self.alice.opens(self.old.seals(self.alice, {"n": 1})), [{"n": 1}])


if __name__ == "__main__":
    unittest.main()
