import asyncio
import unittest

from synaptic_core import AgentOptions, Fault
from synaptic_core.aio import Agent

from .broker import Broker

WAIT_S = 20


class Asyncio(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()
        cls.addClassCleanup(cls.broker.close)

    async def connect(self, name, **more):
        agent = await Agent.connect(name, data_dir=self.broker.data_dir, **more)
        self.addAsyncCleanup(agent.close)
        return agent

    async def test_asks_and_answers(self):
        ada, bob = await self.connect("ada"), await self.connect("bob")

        @bob.on_request
        async def _(request):
            await asyncio.sleep(0)
            return f"you said {request.text}"

        ada.on_request(lambda request: None)
        answers = await asyncio.gather(*(ada.request("bob", str(n), timeout_s=WAIT_S) for n in range(100)))
        self.assertEqual([answer.text for answer in answers], [f"you said {n}" for n in range(100)])
        self.assertEqual((await bob.request("ada", "?", timeout_s=WAIT_S)).text, "")

    async def test_gives_up_in_time_or_when_told(self):
        ada = await self.connect("ada")
        await self.connect("silent")
        with self.assertRaises(Fault) as refused:
            await ada.request("silent", "?", timeout_s=0.05)
        self.assertEqual(refused.exception.code, "timeout")
        asked = asyncio.create_task(ada.request("silent", "?"))
        await asyncio.sleep(0)
        asked.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await asked
        self.assertFalse(ada._core._pending._waiting)

    async def test_has_rooms_with_a_past_and_an_inbox_that_ends(self):
        ada, bob = await self.connect("ada"), await self.connect("bob")
        self.assertEqual(await ada.join("#aio"), ["ada"])
        await bob.inform("#aio", "hello")
        heard = await asyncio.wait_for(ada.__anext__(), WAIT_S)
        self.assertEqual((heard.to, heard.text), ("#aio", "hello"))
        self.assertEqual([one.text for one in await bob.history("#aio")], ["hello"])
        self.assertEqual(await bob.members("#aio"), ["ada"])
        self.assertIn("#aio", [room.name for room in await bob.rooms()])
        self.assertIn("ada", [agent.name for agent in await bob.agents()])
        await ada.leave("#aio")
        await ada.close()
        self.assertEqual([message async for message in ada], [])

    async def test_tells_the_asker_when_a_handler_fails_or_has_no_time_left(self):
        ada, bob = await self.connect("ada"), await self.connect("bob", options=AgentOptions(close_timeout_s=0.05))
        begun = asyncio.Event()

        @bob.on_request
        async def _(request):
            if request.text == "fail":
                raise RuntimeError("secret path")
            if request.text == "number":
                return 42
            begun.set()
            await asyncio.Event().wait()

        for text in ("fail", "number"):
            with self.assertLogs("synaptic_core", "ERROR"), self.assertRaises(Fault) as failed:
                await ada.request("bob", text, timeout_s=WAIT_S)
            self.assertEqual(failed.exception.code, "internal")
        asked = asyncio.create_task(ada.request("bob", "?", timeout_s=WAIT_S))
        await begun.wait()
        await bob.close()
        with self.assertRaises(Fault) as refused:
            await asked
        self.assertEqual(refused.exception.code, "going-away")

    async def test_runs_handlers_of_informs_and_stray_responses(self):
        ada, bob = await self.connect("ada"), await self.connect("bob")
        told = asyncio.Queue()
        ada.on_inform(lambda notice: told.put_nowait(("inform", notice.text)))

        @ada.on_response
        async def _(response):
            await told.put(("response", response.in_reply_to))

        bob.on_request(lambda request: "yes")
        await bob.inform("ada", "news")
        self.assertEqual(await asyncio.wait_for(told.get(), WAIT_S), ("inform", "news"))
        await ada.send("bob", "?", message_id="q1", type="request")
        self.assertEqual(await asyncio.wait_for(told.get(), WAIT_S), ("response", "q1"))
