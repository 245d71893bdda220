"""Between each agent and the broker stands somebody who cuts lines and doubles, delays and swaps frames."""
import asyncio
import random
import unittest

import websockets

from synaptic_core.network import NetworkOptions, SecureAgent

from .broker import Broker
from .network_agents import QUICK, eventually

COUNT = 200
CUTS = 10
QUICKER = {**QUICK, "retry_first_s": 0.3, "retry_most_s": 0.6, "tries_max": 100, "gap_s": 20, "offer_pause_s": 0.2, "offers_per_s": 100, "heartbeat_s": 0.5}


class Chaos:
    """Listens where the agents connect, and hands on to the broker what it likes."""

    def __init__(self, url, seed):
        self.url, self.dice = url, random.Random(seed)
        self.cuts = self.doubled = self.swapped = 0
        self.is_wild = True

    async def open(self):
        self._server = await websockets.serve(self._serve, "127.0.0.1", 0)
        self.address = f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/agent-network/v1/connect"

    async def close(self):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, agent):
        async with websockets.connect(self.url) as broker:
            ways = [asyncio.ensure_future(self._way(agent, broker)), asyncio.ensure_future(self._way(broker, agent))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            agent.transport.abort()

    async def _way(self, source, target):
        held = []
        async for text in source:
            is_talk = self.is_wild and ('"ENCRYPTED"' in text or '"HANDSHAKE"' in text)
            roll = self.dice.random() if is_talk else 1.0
            if roll < 0.02:
                self.cuts += 1
                return
            if roll < 0.12:
                self.swapped += 1
                held.append(text)
                continue
            await target.send(text)
            if roll < 0.2:
                self.doubled += 1
                await target.send(text)
            if roll < 0.25:
                await asyncio.sleep(0.01)
            while held and (roll > 0.5 or not self.is_wild):
                await target.send(held.pop())


class Delivery(unittest.IsolatedAsyncioTestCase):
    async def test_holds_whoever_cuts_doubles_and_swaps_on_the_way(self):
        broker = Broker("--limit", "networkRatePerSecond=0")
        self.addCleanup(broker.close)
        chaos = Chaos(broker.ws.rstrip("/") + "/agent-network/v1/connect", 7)
        await chaos.open()
        self.addAsyncCleanup(chaos.close)
        agents, heard = {}, {"agent_alice": [], "agent_bob": []}
        for name in heard:
            agent = agents[name] = SecureAgent(chaos.address, broker.token(name, "pan"), name, options=NetworkOptions(**QUICKER))
            agent.on("INFORM")(lambda message, name=name: heard[name].append(message.content["data"]))
            await agent.connect()
            self.addAsyncCleanup(agent.close)
        for n in range(COUNT):
            await agents["agent_alice"].inform("agent_bob", "a", n)
            await agents["agent_bob"].inform("agent_alice", "b", n)
            if n % 50 == 25:
                await agents["agent_alice"].rotate()
            if n % 20 == 0:
                await asyncio.sleep(0.05)
        is_done = lambda: all(agent.metrics.waiting == 0 for agent in agents.values())
        await eventually(lambda: chaos.cuts >= CUTS or is_done())
        chaos.is_wild = False  # it would end in time, but not in a test's
        await eventually(is_done)
        self.assertGreater(min(chaos.cuts, chaos.doubled, chaos.swapped), 2)
        for name, numbers in heard.items():
            with self.subTest(name):
                self.assertEqual(numbers, list(range(COUNT)))
        kinds = {kind for agent in agents.values() for kind, count in agent.metrics.security.items() if count}
        self.assertLessEqual(kinds, {"not-opened", "used-ephemeral", "unbound-answer", "bad-tag", "flood"}, "what was said before a new key, and said again")


if __name__ == "__main__":
    unittest.main()
