"""Mailboxes of the asyncio agent, with a real broker."""
import asyncio
import time
import unittest

from synaptic_core import Fault, Refuse
from synaptic_core.aio import Agent

from .broker import Broker

WAIT_S = 20


async def eventually(check):
    """Waits until something holds."""
    end = time.monotonic() + WAIT_S
    while not await check():
        if time.monotonic() > end:
            raise AssertionError("it never held")
        await asyncio.sleep(0.02)


class AsyncioMailbox(unittest.IsolatedAsyncioTestCase):
    names = 0

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()
        cls.addClassCleanup(cls.broker.close)

    async def connect(self, name, **more):
        agent = await Agent.connect(name, data_dir=self.broker.data_dir, **more)
        self.addAsyncCleanup(agent.close)
        return agent

    def fresh(self):
        """A name that no other test uses: mailboxes stay."""
        AsyncioMailbox.names += 1
        return f"bob{AsyncioMailbox.names}"

    async def test_handles_what_was_said_while_it_was_away_by_coroutines_in_the_loop(self):
        ada, name, loop = await self.connect("ada"), self.fresh(), asyncio.get_running_loop()
        await (await self.connect(name, mailbox="take")).close()
        sent = [await ada.send(name, str(n), type="request" if n == 0 else "inform") for n in range(20)]
        await asyncio.gather(*(one.stored for one in sent))
        answered, heard = loop.create_future(), []
        ada.on_response(answered.set_result)
        bob = await self.connect(name, mailbox="take")

        @bob.on_request
        async def _(request):
            await asyncio.sleep(0)
            return f"you said {request.text}"

        @bob.on_inform
        async def _(message):
            heard.append((message.text, asyncio.get_running_loop() is loop))
            await asyncio.sleep(0.002 * (20 - int(message.text)))  # the first ones take longest
            heard.append(message.text)

        self.assertEqual((await asyncio.wait_for(answered, WAIT_S)).text, "you said 0")
        states = [(await asyncio.wait_for(one.settled, WAIT_S)).state for one in sent]
        self.assertEqual(states, ["answered"] + ["done"] * 19)
        self.assertEqual(heard, [each for n in range(1, 20) for each in ((str(n), True), str(n))])
        await eventually(self.counts(bob, answered=1, done=19, waiting=0, leased=0))

    async def test_keeps_its_leases_although_a_handler_blocks_the_loop(self):
        ada, name = await self.connect("ada"), self.fresh()
        bob = await self.connect(name, mailbox={"mode": "take", "lease_ms": 1_000})
        heard = []

        @bob.on_inform
        def _(message):
            heard.append(message.text)
            time.sleep(1.5)

        for one in [await ada.send(name, text) for text in ("one", "two")]:
            self.assertEqual((await asyncio.wait_for(one.settled, WAIT_S)).state, "done")
        self.assertEqual(heard, ["one", "two"])

    async def test_gives_back_what_a_handler_raises_and_refuses_what_it_refuses(self):
        ada, name, attempts = await self.connect("ada"), self.fresh(), []
        bob = await self.connect(name, mailbox={"mode": "take", "retry_ms": 50})

        @bob.on_inform
        async def _(message):
            if message.text == "never":
                raise Refuse("not of mine")
            attempts.append(message.marks["attempt"])
            if len(attempts) == 1:
                raise ValueError("not yet")

        with self.assertLogs("synaptic_core", "ERROR"):
            never, twice = await ada.send(name, "never"), await ada.send(name, "twice")
            refused = await asyncio.wait_for(never.settled, WAIT_S)
            self.assertEqual((refused.state, refused.reason), ("refused", "not of mine"))
            self.assertEqual((await asyncio.wait_for(twice.settled, WAIT_S)).state, "done")
        self.assertEqual(attempts, [1, 2])

    async def test_a_handler_that_is_cancelled_has_failed(self):
        ada, name, attempts = await self.connect("ada"), self.fresh(), []
        bob = await self.connect(name, mailbox={"mode": "take", "retry_ms": 50})

        @bob.on_inform
        async def _(message):
            attempts.append(message.marks["attempt"])
            if len(attempts) == 1:
                raise asyncio.CancelledError

        with self.assertLogs("synaptic_core", "ERROR"):
            self.assertEqual((await asyncio.wait_for((await ada.send(name, "x")).settled, WAIT_S)).state, "done")
        self.assertEqual(attempts, [1, 2])

    async def test_reads_one_by_one_each_with_its_ends(self):
        ada, name = await self.connect("ada"), self.fresh()
        bob = await self.connect(name, mailbox="take")
        sent = {text: await ada.send(name, text, type="request" if text == "answer" else "inform") for text in ("done", "refuse", "later", "answer")}
        await asyncio.gather(*(one.stored for one in sent.values()))
        states = []
        async for mail in bob.mail(wait_ms=0, max=2):
            if mail.text == "answer":
                await bob.respond(mail, "yes")
            elif mail.text == "done":
                states.append(await mail.done())
            elif mail.text == "refuse":
                states.append(await mail.refuse("no"))
            else:
                states.extend((await mail.extend(), await mail.release(60_000)))
        self.assertEqual(states, ["done", "refused", "leased", "waiting"])
        self.assertEqual((await asyncio.wait_for(sent["answer"].settled, WAIT_S)).state, "answered")
        self.assertEqual([(one.state, one.message.text) for one in (await bob.peek()).messages], [("waiting", "later")])
        self.assertEqual([one.state for one in await ada.message_state(sent["later"].message_id)], ["waiting"])

    async def test_an_iteration_that_is_interrupted_loses_nothing(self):
        ada, name = await self.connect("ada"), self.fresh()
        bob = await self.connect(name, mailbox="take")
        mails = bob.mail()
        waiting = asyncio.ensure_future(mails.__anext__())
        await asyncio.sleep(0.2)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await (await ada.send(name, "x")).stored
        self.assertEqual([mail.text async for mail in bob.mail(wait_ms=500) if await mail.done()], ["x"])

    async def test_gives_messages_without_a_handler_to_who_receives(self):
        ada, name = await self.connect("ada"), self.fresh()
        bob = await self.connect(name, mailbox="take")
        sent = [await ada.send(name, text) for text in ("one", "two")]
        self.assertEqual((await asyncio.wait_for(bob.receive(), WAIT_S)).text, "one")
        self.assertEqual((await asyncio.wait_for(bob.receive(), WAIT_S)).text, "two")
        self.assertEqual((await asyncio.wait_for(sent[0].settled, WAIT_S)).state, "done")
        await bob.close()
        self.assertEqual([one.state for one in await ada.message_state(sent[1].message_id)], ["waiting"])

    async def test_a_push_box_hands_over_to_handlers_what_came_before_they_were_there(self):
        ada, name, heard = await self.connect("ada"), self.fresh(), []
        await (await self.connect(name, mailbox=True)).close()
        for n in range(10):
            await (await ada.send(name, str(n), receipt=["stored"])).stored
        bob = await self.connect(name, mailbox={"mode": "push"})
        bob.on_inform(lambda message: heard.append(message.text))
        while len(heard) < 10:
            await asyncio.sleep(0.02)
        self.assertEqual(heard, [str(n) for n in range(10)])
        await eventually(self.counts(bob, waiting=0))

    async def test_a_message_that_no_mailbox_keeps_is_told_so(self):
        ada = await self.connect("ada")
        sent = await ada.send("nobody", "x", timeout_s=0.2)
        with self.assertRaises(Fault) as unknown:
            await asyncio.wait_for(sent.stored, WAIT_S)
        self.assertEqual(unknown.exception.code, "timeout")
        with self.assertRaises(Fault) as late:
            await ada.request("nobody", "?", timeout_s=WAIT_S)
        self.assertEqual(late.exception.code, "not-found")

    async def test_a_box_is_closed(self):
        name = self.fresh()
        bob = await self.connect(name, token=self.broker.token(name))
        self.assertEqual((await bob.open_mailbox({"mode": "take", "max": 5})).max, 5)
        await bob.close_mailbox()
        with self.assertRaises(Fault) as gone:
            await bob.mailbox_status()
        self.assertEqual(gone.exception.code, "not-found")
        with self.assertRaises(Fault):
            bob.mail()

    @staticmethod
    def counts(agent, **expected):
        async def check():
            status = await agent.mailbox_status()
            return {key: getattr(status, key) for key in expected} == expected

        return check


if __name__ == "__main__":
    unittest.main()
