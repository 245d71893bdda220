"""How the asyncio agent hands over what arrives: in order, bounded, and to whoever receives."""
import asyncio
import threading
import unittest

from synaptic_core import AgentOptions, Fault
from synaptic_core.aio import Agent

from .fake_link import FakeLink
from .test_losses import said

WAIT_S = 20


def over_fake_link(options=AgentOptions()):
    links = []
    agent = Agent("ada", options, lambda heard, failed: links.append(FakeLink(heard, failed)) or links[0])
    return agent, links[0]


class Order(unittest.IsolatedAsyncioTestCase):
    async def test_informs_wait_for_the_handler_of_the_one_before(self):
        ada, link = over_fake_link()
        order, done, gate = [], asyncio.Event(), asyncio.Event()

        @ada.on_inform
        async def _(notice):
            if notice.text == "0":
                await gate.wait()
            order.append(notice.text)
            if len(order) == 4:
                done.set()

        for n in range(4):
            link.heard("ada", said("inform", str(n)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        gate.set()
        await asyncio.wait_for(done.wait(), WAIT_S)
        self.assertEqual(order, ["0", "1", "2", "3"])

    async def test_a_busy_loop_is_woken_once_and_keeps_no_more_than_it_may(self):
        ada, link = over_fake_link(AgentOptions(answering_max=10, inbox_max=20))
        woken, call = [], ada._loop.call_soon_threadsafe
        ada._loop.call_soon_threadsafe = lambda *work: (woken.append(work), call(*work))[1]
        heard, all_heard = [], asyncio.Event()

        @ada.on_inform
        def _(notice):
            heard.append(notice.text)
            if len(heard) == 30:
                all_heard.set()

        flood = threading.Thread(target=lambda: [link.heard("ada", said("inform", str(n))) for n in range(35)])
        with self.assertLogs("synaptic_core", "WARNING") as logged:
            flood.start()
            flood.join()  # the loop is busy here
        self.assertEqual((len(woken), ada.dropped, len(logged.output)), (1, 5, 1))
        await asyncio.wait_for(all_heard.wait(), WAIT_S)
        self.assertEqual(heard, [str(n) for n in range(30)])
        link.heard("ada", said("request", "r"))
        self.assertEqual(len(woken), 2)

    async def test_a_request_beyond_the_bound_is_answered_as_full(self):
        ada, link = over_fake_link(AgentOptions(answering_max=1, inbox_max=1))
        for n in range(3):
            link.heard("ada", said("request", str(n)))
        self.assertEqual([(one["in_reply_to"], one["content"]["data"]["code"]) for one in link.said], [("2", "full")])

    async def test_receives_with_a_limit_of_time_and_loses_nothing_to_who_gave_up(self):
        ada, link = over_fake_link()
        self.assertIsNone(await ada.receive(0))
        self.assertIsNone(await ada.receive(0.01))
        first, second = (asyncio.create_task(ada.receive(WAIT_S)) for _ in range(2))
        await asyncio.sleep(0)
        link.heard("ada", said("inform", "one"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        self.assertEqual([one for one in await asyncio.gather(first, second, return_exceptions=True) if not isinstance(one, asyncio.CancelledError)][0].text, "one")
        third = asyncio.create_task(ada.receive(WAIT_S))
        link.heard("ada", said("inform", "two"))
        self.assertEqual((await third).text, "two")

    async def test_ends_with_the_reason_why_the_connection_did(self):
        ada, link = over_fake_link()
        link.heard("ada", said("inform", "last"))
        waiting = asyncio.create_task(ada.receive())
        self.assertEqual((await waiting).text, "last")
        waiting = asyncio.create_task(ada.receive())
        await asyncio.sleep(0)
        with self.assertLogs("synaptic_core", "ERROR"):
            link.failed(Fault("unauthenticated", "no longer yours"))
        with self.assertRaises(Fault) as ended:
            await waiting
        self.assertEqual(ended.exception.code, "unauthenticated")
        with self.assertRaises(Fault):
            await ada.inform("bob", "x")

    async def test_an_exception_that_passes_is_not_replaced(self):
        ada, link = over_fake_link()

        def refuse():
            raise Fault("unavailable", "the broker did not confirm")

        ada._core.prove = refuse
        with self.assertLogs("synaptic_core", "WARNING"), self.assertRaises(ValueError):
            async with ada:
                raise ValueError

    async def test_what_is_told_to_no_handler_before_it_leaves_is_counted(self):
        ada, link = over_fake_link(AgentOptions(close_timeout_s=0.01))
        begun = asyncio.Event()

        @ada.on_inform
        async def _(notice):
            begun.set()
            await asyncio.Event().wait()

        for n in range(3):
            link.heard("ada", said("inform", str(n)))
        await begun.wait()
        with self.assertLogs("synaptic_core", "WARNING"):
            await ada.close()
        self.assertEqual(ada.dropped, 2)
