"""Agents of the network at a broker of their own; tokens are made once for each name."""
import asyncio
import json
import logging
import unittest

import websockets

from synaptic_core.network import NetworkOptions, SecureAgent

from .broker import Broker

WAIT_S = 20
QUICK = {"retry_first_s": 0.5, "retry_most_s": 1.0, "reconnect_first_s": 0.05, "reconnect_most_s": 0.2, "tick_s": 0.05, "receipt_pause_s": 0.02}
logging.getLogger("synaptic_core.network").setLevel(logging.CRITICAL)


class NetworkCase(unittest.IsolatedAsyncioTestCase):
    """One broker for all tests of a class; agents are closed after each."""

    @classmethod
    def setUpClass(cls):
        cls.broker = Broker()
        cls.addClassCleanup(cls.broker.close)
        cls.tokens = {}

    def token(self, name):
        if name not in self.tokens:
            self.tokens[name] = self.broker.token(name, "pan")
        return self.tokens[name]

    def agent(self, name, *, token=None, passphrase=None, store=None, **options):
        return SecureAgent(self.broker.ws, token or self.token(name), name, passphrase=passphrase, store=store, options=NetworkOptions(**{**QUICK, **options}))

    async def connect(self, name, **more):
        agent = self.agent(name, **more)
        await agent.connect()
        self.addAsyncCleanup(agent.close)
        return agent

    async def raw(self, name):
        raw = Raw(name, await websockets.connect(self.broker.ws.rstrip("/") + "/agent-network/v1/connect", subprotocols=["agent-network.v1"]))
        self.addAsyncCleanup(raw.socket.close)
        await raw.socket.send(json.dumps({"type": "AUTH", "token": self.token(name), "agentId": name}))
        await raw.hears("CONNECTED")
        return raw


class Raw:
    """A WebSocket that says whatever it is told."""

    def __init__(self, name, socket):
        self.name, self.socket = name, socket

    async def says(self, **frame):
        usual = {"messageId": f"raw_{id(frame)}", "conversationId": "conv_1", "senderId": self.name, "timestamp": 1, "metadata": {}, "content": {}}
        await self.socket.send(json.dumps({**usual, **frame}))

    async def hears(self, kind):
        while True:
            frame = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT_S))
            if frame["messageType"] == kind:
                return frame


class Heard:
    """A handler of everything, with what it has heard."""

    def __init__(self, agent, kind="*"):
        self.messages, self._queue = [], asyncio.Queue()
        agent.on(kind)(self._take)

    def _take(self, message):
        self.messages.append(message)
        self._queue.put_nowait(message)

    async def next(self):
        return await asyncio.wait_for(self._queue.get(), WAIT_S)

    async def texts(self, count):
        return [(await self.next()).text for _ in range(count)]


async def eventually(holds):
    for _ in range(WAIT_S * 100):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to pass")
