import asyncio
import unittest
from dataclasses import replace

from synaptic_core import Fault
from synaptic_core.network.frames import Frame, metadata_of, new_id, now_ms, read_frame
from synaptic_core.network.options import NetworkOptions
from synaptic_core.network.outbox import Outbox
from synaptic_core.network.refusals import read_refusal
from synaptic_core.network.store import MemoryStore

from .network_agents import eventually
from .network_pairs import CONVERSATION, Side

OPTIONS = NetworkOptions(retry_first_s=5, tick_s=0.005, per_second=1e6, burst=1e6)


def refusal(code, message_id, recoverable, after_ms=0):
    return read_refusal({"errorCode": code, "message": "no", "details": {"originalMessageId": message_id}, "recoverable": recoverable, "retryAfter": after_ms})


class World:
    """An outbox with a real conversation behind it; `said` is what it wrote, `bob` the other side."""

    @classmethod
    async def open(cls, case, store=None, options=OPTIONS, is_met=True, bob=None):
        world = cls()
        world.alice, world.bob = await Side.open("agent_alice", store=store, passphrase="p"), bob or await Side.open("agent_bob")
        world.clock = world.alice.clock
        world.said, world.told = [], []

        world.is_acking = True

        async def write(text):
            frame = read_frame(text)
            world.said.append(frame)
            if world.is_acking:
                world.outbox.here(frame.recipient_id)
            return True

        world.outbox = Outbox("agent_alice", world.alice.vault, world.alice.conversations, write, world.told.append, options, world.clock)
        case.addAsyncCleanup(world.outbox.close)
        await world.outbox.open()
        if is_met:
            await world.alice.meets(world.bob)
        world.outbox.line_up(None, None)
        return world

    async def says(self, text, priority="NORMAL", to="agent_bob", plain=False, expires_at=None, conversation=CONVERSATION):
        frame = Frame(new_id("msg"), conversation, "agent_alice", to, "INFORM", {"text": text}, now_ms(), metadata_of(priority))
        delivered = await self.outbox.add(frame, plain, expires_at or now_ms() + 60_000)
        return frame.message_id, delivered

    async def wrote(self, count):
        await eventually(lambda: len(self.said) >= count)
        await asyncio.sleep(0.02)
        return [frame.message_id for frame in self.said]

    async def waits(self, seconds):
        self.clock.now += seconds
        self.outbox.wake()
        await asyncio.sleep(0.02)

    async def opened(self):
        """The texts of all that was written, opened by Bob, each once."""
        frames = [frame for frame in self.said if frame.message_type == "ENCRYPTED"]
        return [one.frame.content["text"] for frame in frames for one in await self.bob.conversations.open(frame) if not one.is_again]

    @property
    def states(self):
        return [report.state for report in self.told]


class Delivery(unittest.IsolatedAsyncioTestCase):
    async def test_says_the_identical_frame_again_until_its_receipt_comes(self):
        world = await World.open(self)
        message_id, delivered = await world.says("hello")
        await world.wrote(1)
        await world.waits(4.9)
        self.assertEqual(len(world.said), 1)
        await world.waits(0.2)
        self.assertEqual(world.said[1], world.said[0])
        world.outbox.receipt("agent_eve", [message_id])
        world.outbox.acked(message_id)
        self.assertFalse(delivered.done(), "neither another's receipt nor the broker's word")
        world.outbox.receipt("agent_bob", [message_id, "other"])
        await delivered
        await world.waits(100)
        self.assertEqual((len(world.said), world.states), (2, ["kept", "sent", "delivered"]))

    async def test_gives_up_after_eight_tries_and_makes_a_new_key(self):
        world = await World.open(self)
        _, delivered = await world.says("hello")
        for seconds in (0, 5, 10, 20, 40, 80, 160, 300):
            await world.waits(seconds)
        self.assertEqual(len(world.said), 8)
        self.assertFalse(delivered.done())
        await world.waits(300)
        with self.assertRaises(Fault) as failed:
            await delivered
        self.assertIn("may have processed it", str(failed.exception))
        self.assertEqual([frame.message_type for frame in world.said[8:]], ["HANDSHAKE"])

    async def test_seals_anew_in_order_after_a_handshake(self):
        world = await World.open(self)
        ids = [(await world.says(f"n{n}"))[0] for n in range(3)]
        await world.wrote(3)
        world.outbox.receipt("agent_bob", ids[:1])
        world.alice.conversations.renew_all()
        world.clock.now += 1
        world.bob.clock.now += 1
        await world.alice.meets(world.bob)
        world.said.clear()
        world.outbox.ready("agent_bob", CONVERSATION)
        self.assertEqual(await world.wrote(2), ids[1:])
        self.assertEqual(await world.opened(), ["n1", "n2"])

    async def test_says_a_frame_until_a_later_one_is_processed_where_its_receipt_may_be_of_an_earlier_key(self):
        world = await World.open(self)
        message_id, delivered = await world.says("hello")
        await world.wrote(1)
        world.alice.conversations.renew_all()
        world.clock.now += 1
        await world.alice.meets(world.bob)
        world.outbox.ready("agent_bob", CONVERSATION)
        await world.wrote(2)
        world.outbox.receipt("agent_bob", [message_id])
        await delivered
        self.assertEqual(world.outbox.size, 0)
        await world.waits(5)
        self.assertEqual(world.said[2], world.said[1])
        world.outbox.receipt("agent_bob", [message_id])
        later, _ = await world.says("later")
        await world.wrote(4)
        world.outbox.receipt("agent_bob", [later])
        await world.waits(100)
        self.assertEqual((len(world.said), world.states.count("delivered")), (4, 2))

    async def test_takes_no_receipt_of_an_earlier_key_for_a_later_counter(self):
        world = await World.open(self, options=replace(OPTIONS, under_way_max=2))
        ids = [(await world.says(f"n{n}"))[0] for n in range(2)]
        await world.wrote(2)
        world.alice.conversations.renew_all()
        world.clock.now += 1
        await world.alice.meets(world.bob)
        world.outbox.line_down()
        world.outbox.ready("agent_bob", CONVERSATION)
        world.outbox.line_up(1, 1)
        await world.wrote(3)
        world.outbox.receipt("agent_bob", ids)  # the second is not sealed anew yet
        self.assertEqual(world.outbox.size, 0)
        await world.waits(5)
        self.assertEqual(world.said[3], world.said[2], "the first has a counter that may not have come")

    async def test_makes_a_new_key_where_a_counter_of_what_was_delivered_may_never_come(self):
        store = MemoryStore()
        world = await World.open(self, store)
        world.outbox.line_down()
        message_id, _ = await world.says("hello")
        again = await World.open(self, store, bob=world.bob)
        await again.wrote(1)
        again.outbox.receipt("agent_bob", [message_id])
        for seconds in (10, 20, 40):
            await again.waits(seconds)
        self.assertEqual([frame.message_type for frame in again.said], ["ENCRYPTED"] * 3 + ["HANDSHAKE"])

    async def test_offers_a_handshake_first_and_again_while_nobody_answers(self):
        world = await World.open(self, is_met=False)
        await world.says("hello")
        await world.wrote(1)
        await world.waits(5)
        self.assertEqual([frame.message_type for frame in world.said], ["HANDSHAKE", "HANDSHAKE"])
        self.assertEqual(world.said[0].content, world.said[1].content)
        answer = await world.bob.hears_handshake(world.said[0])
        await world.alice.hears_handshake(answer)
        world.outbox.ready("agent_bob", CONVERSATION)
        await world.wrote(3)
        self.assertEqual(await world.opened(), ["hello"])

    async def test_waits_for_who_is_absent_without_a_try(self):
        world = await World.open(self)
        world.is_acking = False
        message_id, _ = await world.says("hello")
        await world.says("not before the first is acknowledged")
        await world.wrote(1)
        world.outbox.refused(refusal("RECIPIENT_NOT_FOUND", message_id, True, 5_000))
        await world.says("second")
        await world.waits(50)
        self.assertEqual((len(world.said), world.states.count("waiting")), (1, 3))
        world.outbox.line_down()
        world.outbox.line_up(None, None)
        await world.wrote(2)
        self.assertEqual(world.said[1], world.said[0], "one frame, so that the broker knows who is waited for")
        world.outbox.refused(refusal("RECIPIENT_NOT_FOUND", message_id, True, 5_000))
        await world.waits(290)
        self.assertEqual(len(world.said), 2)
        await world.waits(15)
        self.assertEqual(len(world.said), 3, "it is asked about once more, after five minutes")
        world.is_acking = True
        world.outbox.acked(message_id)
        await world.wrote(5)
        self.assertEqual(await world.opened(), ["hello", "not before the first is acknowledged", "second"])

    async def test_says_again_what_was_one_too_many_and_fails_with_what_never_passes(self):
        world = await World.open(self)
        message_id, delivered = await world.says("hello")
        await world.wrote(1)
        world.outbox.refused(refusal("RATE_LIMIT_EXCEEDED", message_id, True, 700))
        await world.waits(0.5)
        self.assertEqual(len(world.said), 1)
        await world.waits(0.3)
        self.assertEqual(len(world.said), 2)
        world.outbox.refused(refusal("MESSAGE_ERROR", message_id, False))
        with self.assertRaises(Fault) as refused:
            await delivered
        self.assertEqual(refused.exception.code, "forbidden")

    async def test_fails_at_its_end_and_where_too_many_wait(self):
        world = await World.open(self, options=replace(OPTIONS, waiting_max=2))
        world.outbox.line_down()
        _, delivered = await world.says("hello", expires_at=now_ms() + 30)
        await world.says("second")
        with self.assertRaises(Fault) as full:
            await world.says("third")
        self.assertEqual(full.exception.code, "full")
        await asyncio.sleep(0.05)
        await world.waits(1)
        with self.assertRaises(Fault) as ended:
            await delivered
        self.assertEqual(ended.exception.code, "timeout")
        self.assertEqual(world.outbox.size, 1)

    async def test_keeps_what_waits_over_a_restart_in_its_order(self):
        store = MemoryStore()
        world = await World.open(self, store)
        world.outbox.line_down()
        ids = [(await world.says(f"n{n}"))[0] for n in range(3)]
        again = await World.open(self, store, bob=world.bob)
        self.assertEqual(await again.wrote(3), ids)
        self.assertEqual(await again.opened(), ["n0", "n1", "n2"])

    async def test_says_what_is_urgent_first_and_stays_below_the_rate(self):
        world = await World.open(self, options=replace(OPTIONS, per_second=2, burst=1))
        await world.alice.meets(world.bob, "conv_2")
        world.outbox.line_up(None, None)
        await world.says("first")
        await world.wrote(1)
        low, _ = await world.says("low", "LOW")
        high, _ = await world.says("high", "HIGH", conversation="conv_2")
        await world.waits(0.4)
        self.assertEqual(len(world.said), 1)
        await world.waits(0.2)
        await world.waits(0.5)
        self.assertEqual([frame.message_id for frame in world.said[1:]], [high, low])
        world.outbox.line_up(0, 0)
        for n in range(20):
            await world.says(f"n{n}")
        self.assertEqual(len(await world.wrote(20)) >= 20, True)

    async def test_has_a_bound_of_what_is_under_way(self):
        world = await World.open(self, options=replace(OPTIONS, under_way_max=4))
        ids = [(await world.says(f"n{n}"))[0] for n in range(10)]
        self.assertEqual(await world.wrote(4), ids[:4])
        world.outbox.receipt("agent_bob", ids[:2])
        self.assertEqual(await world.wrote(6), ids[:6])

    async def test_of_plain_words_is_the_brokers_word_one_at_a_time(self):
        world = await World.open(self)
        ids = [(await world.says(f"n{n}", to="#room", plain=True))[0] for n in range(3)]
        self.assertEqual(await world.wrote(1), ids[:1])
        world.outbox.acked(ids[0])
        self.assertEqual(await world.wrote(2), ids[:2])
        self.assertEqual(world.said[0].content, {"text": "n0"})


if __name__ == "__main__":
    unittest.main()
