import asyncio
import unittest
from dataclasses import replace

from synaptic_core.network import sodium
from synaptic_core.network.frames import Frame, frame_text, metadata_of, new_id, now_ms, read_frame
from synaptic_core.network.options import NetworkOptions
from synaptic_core.network.sealed import SealedHead, seal

from .network_pairs import CONVERSATION, Clock, Side
from .test_network_outbox import OPTIONS, World, refusal


def by_no_key(sender, to, conversation):
    """Signed well by its sender, sealed by a key that nobody else has."""
    head = SealedHead(new_id("msg"), conversation, sender.name, to.name, "INFORM", now_ms(), metadata_of("NORMAL", True))
    content = seal(head, 1, {"text": "hi"}, sodium.random_bytes(32), sender.vault.identity.signing.private, sodium.random_bytes(24))
    return Frame(head.message_id, conversation, sender.name, to.name, "ENCRYPTED", content, head.timestamp, head.metadata)


class APeer(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.clock = Clock()
        self.alice, self.bob = await Side.open("agent_alice", self.clock), await Side.open("agent_bob", self.clock)
        await self.alice.meets(self.bob)

    async def test_that_names_a_thousand_conversations_makes_few_handshakes_wanted(self):
        for number in range(1_000):
            await self.bob.opens(by_no_key(self.alice, self.bob, f"conv_{number}"))
        self.assertEqual(len(self.bob.wanted), 10)
        carol = await Side.open("agent_carol", self.clock)
        await carol.meets(self.bob)
        await self.bob.opens(by_no_key(carol, self.bob, "conv_2"))
        self.assertEqual(self.bob.wanted[-1], ("agent_carol", "conv_2"), "another peer's is its own")
        self.clock.now += 6
        await self.bob.opens(by_no_key(self.alice, self.bob, "conv_0"))
        self.assertEqual(len(self.bob.wanted), 12, "one more after six seconds")

    async def test_of_which_every_second_message_is_lost_is_waited_for_a_minute_and_not_a_minute_for_each(self):
        said = [self.alice.seals(self.bob, {"n": number}) for number in range(1, 41)]
        for frame in said[1::2]:
            self.assertEqual(await self.bob.opens(frame), [])
            self.clock.now += 0.5
        self.clock.now += 50.5
        released = self.bob.conversations.tick()
        self.assertEqual([(one.frame.content["n"], one.is_late) for one in released], [(2, False), (4, False)], "those that waited for a minute")
        self.clock.now += 10
        self.assertEqual(len(self.bob.conversations.tick()), 18)
        self.assertEqual([event.message[:2] for event in self.bob.told], ["2 ", "18"])

    async def test_seals_nothing_in_a_frame_that_says_it_is_not_sealed(self):
        head = self.alice.seals(self.bob, {"n": 1})
        session = self.alice.conversations._talks[("agent_bob", CONVERSATION)].session
        plain = SealedHead(head.message_id, CONVERSATION, head.sender_id, head.recipient_id, "INFORM", head.timestamp, metadata_of("NORMAL", False))
        content = seal(plain, 1, {"n": 1}, session.key, self.alice.vault.identity.signing.private, sodium.random_bytes(24))
        self.assertEqual(await self.bob.opens(replace(head, content=content, metadata=plain.metadata)), [])
        self.assertEqual(self.bob.kinds, ["malformed"])

    async def test_has_no_counter_after_which_none_can_come(self):
        session = self.alice.conversations._talks[("agent_bob", CONVERSATION)].session
        session._counter = 2**53 - 2
        self.assertEqual(await self.bob.opens(self.alice.seals(self.bob, {"n": 1})), [])
        self.assertEqual(self.bob.kinds, ["malformed"])


class AFrame(unittest.TestCase):
    def test_is_one_by_its_header_too(self):
        good = Frame("m", "c", "agent_a", "agent_b", "INFORM", {}, 1, metadata_of())
        self.assertEqual(read_frame(frame_text(good)), good)
        for field, value in (
            ("message_id", "\ud800"), ("sender_id", "a\udfff"), ("message_type", "\udc00"), ("timestamp", True),
            ("metadata", {"priority": 1}), ("metadata", {"priority": "x" * 33}), ("metadata", {"encrypted": "true"}), ("metadata", {"requiresResponse": 1}),
        ):
            with self.subTest(f"{field} {value!r}"), self.assertRaises(ValueError):
                read_frame(frame_text(replace(good, **{field: value})).replace("'", ""))
        for number in ("1e999", "-1e999", "1" + "0" * 400):
            with self.subTest(number[:9]), self.assertRaises(ValueError):
                read_frame(frame_text(good).replace('"timestamp":1', f'"timestamp":{number}'))


class Receipts(unittest.IsolatedAsyncioTestCase):
    async def test_that_are_owed_without_end_leave_every_fourth_frame_to_messages(self):
        world = await World.open(self, options=NetworkOptions(**{**OPTIONS.__dict__, "under_way_max": 1_000}))
        owed = 0

        def receipt():
            nonlocal owed
            owed += 1
            if len(world.said) < 40:
                world.outbox.ahead(receipt)  # another one was owed by then
            return Frame(f"receipt_{owed}", CONVERSATION, "agent_alice", "agent_bob", "RECEIPT", {}, now_ms(), metadata_of())

        world.outbox.line_down()
        await asyncio.gather(*(world.says(f"{number}") for number in range(20)))
        world.outbox.ahead(receipt)
        world.outbox.line_up(None, None)
        await world.wrote(40)
        kinds = [frame.message_type for frame in world.said[:40]]
        self.assertEqual(kinds.count("ENCRYPTED"), 10)
        self.assertEqual(set(kinds[3::4]), {"ENCRYPTED"})

    async def test_go_before_messages_but_not_before_the_answer_that_a_message_is_sealed_by(self):
        world = await World.open(self, is_met=False)
        world.outbox.line_down()
        await world.says("hi")

        def receipt(number):
            return lambda: Frame(f"receipt_{number}", "conv_2", "agent_alice", "agent_carol", "RECEIPT", {}, now_ms(), metadata_of())

        for number in range(8):
            world.outbox.ahead(receipt(number))
        answer = await world.alice.hears_handshake(world.bob.offers(world.alice))
        world.outbox.ahead(lambda: answer, ("agent_bob", CONVERSATION))
        world.outbox.ready("agent_bob", CONVERSATION)
        world.outbox.line_up(None, None)
        await world.wrote(10)
        kinds = [frame.message_type for frame in world.said]
        self.assertLess(kinds.index("HANDSHAKE"), kinds.index("ENCRYPTED"))
        self.assertLess(kinds.index("ENCRYPTED"), 8)


class Renewals(unittest.IsolatedAsyncioTestCase):
    async def test_that_nobody_answers_are_made_up_for_before_more_is_sealed(self):
        world = await World.open(self, options=NetworkOptions(**{**OPTIONS.__dict__, "tries_max": 3}))
        world.alice.conversations.renew_all()
        world.outbox.offer_wanted("agent_bob", CONVERSATION)
        for _ in range(8):
            await world.waits(60)
        self.assertEqual([frame.message_type for frame in world.said], ["HANDSHAKE"] * 3)
        await world.says("hi")
        await world.wrote(4)
        self.assertEqual([frame.message_type for frame in world.said[3:]], ["HANDSHAKE"])

    async def test_that_the_absent_do_not_answer_are_forgotten_until_then(self):
        world = await World.open(self, is_met=False)
        for number in range(20):
            world.outbox.offer_wanted(f"agent_{number}", "conv")
        await world.wrote(20)
        for frame in list(world.said):
            world.outbox.refused(refusal("RECIPIENT_NOT_FOUND", frame.message_id, True))
        self.assertEqual([*world.outbox._lanes], [])


class Strangers(unittest.IsolatedAsyncioTestCase):
    async def test_have_few_handshakes_offered_however_many_names_they_have(self):
        clock = Clock()
        alice, bob = await Side.open("agent_alice", clock), await Side.open("agent_bob", clock)
        for number in range(100):
            for _ in range(2):
                await bob.opens(replace(by_no_key(alice, bob, "conv"), sender_id=f"agent_{number}"))
        self.assertEqual(bob.wanted, [(f"agent_{number}", "conv") for number in range(10)])

    async def test_say_the_identical_frame_sixteen_times_and_no_more(self):
        clock = Clock()
        alice, bob = await Side.open("agent_alice", clock), await Side.open("agent_bob", clock)
        await alice.meets(bob)
        frame = alice.seals(bob, {"n": 1})
        heard = [await bob.opens(frame) for _ in range(20)]
        self.assertEqual(sum(map(len, heard)), 16)
        self.assertEqual(bob.kinds, ["replayed"] * 4)
