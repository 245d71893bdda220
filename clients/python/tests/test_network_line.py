"""The line against a server of the test's own, which answers as it is told to."""
import asyncio
import base64
import json
import time
import unittest

import websockets

from synaptic_core import Fault
from synaptic_core.network.line import Line
from synaptic_core.network.login import Login, end_of
from synaptic_core.network.options import NetworkOptions

from .network_agents import eventually

OPTIONS = NetworkOptions(connect_timeout_s=2, reconnect_first_s=0.02, reconnect_most_s=0.05, heartbeat_s=0.05, tick_s=0.02)


def system(kind, content):
    metadata = {"priority": "LOW", "encrypted": False, "requiresResponse": False}
    return json.dumps({"messageId": "s1", "conversationId": "system", "senderId": "system", "recipientId": "agent_a", "messageType": kind, "content": content, "timestamp": 1, "metadata": metadata})


def jwt(ends_in_s):
    part = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
    return f"{part({'alg': 'none'})}.{part({'exp': time.time() + ends_in_s})}.x"


class Server:
    """Logs everybody in, and echoes heartbeats; `answers` says otherwise, frame by frame."""

    @classmethod
    async def open(cls, case, answers=None):
        server = cls()
        server.heard, server.lines = [], 0

        async def serve(socket):
            server.lines += 1
            async for text in socket:
                frame = json.loads(text)
                server.heard.append(frame)
                said = answers(server, frame) if answers is not None else None
                said = usual(frame) if said is None else said
                if isinstance(said, int):
                    await socket.close(said, "as told")
                    return
                elif said:
                    await socket.send(said)

        listening = await websockets.serve(serve, "127.0.0.1", 0)
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        case.addAsyncCleanup(listening.wait_closed)
        case.addCleanup(listening.close)
        return server


def usual(frame):
    if frame.get("type") == "AUTH":
        return system("CONNECTED", {"connectionId": "c", "heartbeatInterval": 30_000, "serverTime": 1, "messagesPerSecond": 7})
    return system("HEARTBEAT", frame["content"]) if frame["messageType"] == "HEARTBEAT" else system("ACK", {"messageId": frame["messageId"]})


class Lines(unittest.IsolatedAsyncioTestCase):
    def line(self, server, token="t", options=OPTIONS):
        self.told = []

        async def heard(frame, size):
            self.told.append((frame.message_type, size))

        line = Line(
            server.url, "agent_a", Login("agent_a", token), options, up=lambda content: self.told.append(("up", content.get("messagesPerSecond"))),
            down=lambda why: self.told.append(("down", why)), heard=heard, ended=lambda fault: self.told.append(("ended", fault.code)),
        )
        self.addAsyncCleanup(line.close)
        return line

    def count(self, what):
        return [one for one, _ in self.told].count(what)

    async def test_logs_in_beats_and_says_goodbye(self):
        server = await Server.open(self)
        line = self.line(server)
        await line.connect()
        self.assertEqual(server.heard[0], {"type": "AUTH", "token": "t", "agentId": "agent_a"})
        self.assertEqual(self.told, [("up", 7)])
        await eventually(lambda: [frame.get("messageType") for frame in server.heard].count("HEARTBEAT") >= 5)
        self.assertGreater(line.round_trip_s, 0)
        await line.close()
        self.assertEqual(server.heard[-1]["messageType"], "DISCONNECT")
        self.assertEqual(server.lines, 1)
        self.assertFalse(await line.write("too late"))

    async def test_counts_as_lost_after_three_heartbeats_without_an_echo(self):
        server = await Server.open(self, lambda server, frame: "" if frame.get("messageType") == "HEARTBEAT" and server.lines == 1 else None)
        await self.line(server).connect()
        await eventually(lambda: self.count("up") == 2)
        self.assertIn(("down", "3 heartbeats in a row were not answered"), self.told)

    async def test_is_made_again_when_it_is_lost_until_it_is_of_no_use(self):
        codes = {1: 1001, 2: 1013, 3: 4409}
        server = await Server.open(self, lambda server, frame: codes.get(server.lines) if frame.get("messageType") == "HEARTBEAT" else None)
        await self.line(server).connect()
        await eventually(lambda: self.count("ended") == 1)
        self.assertEqual((self.count("up"), self.told[-1]), (3, ("ended", "conflict")))

    async def test_tries_a_fresh_token_before_it_gives_up(self):
        server = await Server.open(self, lambda server, frame: 4401 if frame.get("token") == "old" else None)
        tokens = iter(["old", "old", "new"])
        await self.line(server, lambda: next(tokens)).connect()
        self.assertEqual(server.lines, 3)
        with self.assertRaises(Fault) as refused:
            await self.line(server, lambda: "old").connect()
        self.assertEqual((refused.exception.code, server.lines), ("unauthenticated", 6))
        with self.assertRaises(Fault):
            await self.line(server, "old").connect()
        self.assertEqual(server.lines, 7)

    async def test_renews_its_token_before_it_ends(self):
        server = await Server.open(self)
        await self.line(server, lambda: jwt(1.2)).connect()
        await eventually(lambda: len([frame for frame in server.heard if frame.get("type") == "AUTH"]) >= 2)
        self.assertEqual((server.lines, self.count("up")), (1, 1))
        self.assertIsNone(end_of("a.b.c"))
        self.assertIsNone(end_of("opaque"))

    async def test_drops_what_is_no_frame(self):
        frames = iter(["no JSON", "[]", "{}", json.dumps({"messageType": 7}), system("ODD", {}).replace('"timestamp": 1', '"timestamp": true'), system("NOTE", {"x": 1})])
        server = await Server.open(self, lambda server, frame: next(frames, "") if frame.get("messageType") == "HEARTBEAT" else None)
        line = self.line(server, options=NetworkOptions(**{**OPTIONS.__dict__, "missed_max": 100}))
        await line.connect()
        await eventually(lambda: self.count("NOTE") == 1)
        self.assertEqual((self.count("up"), self.count("down"), self.count("ODD")), (1, 0, 0))

    async def test_names_the_address_where_something_else_answers(self):
        server = await Server.open(self, lambda server, frame: "hello, this is a chat")
        with self.assertRaises(Fault) as wrong:
            await self.line(server, options=NetworkOptions(connect_timeout_s=0.3)).connect()
        self.assertIn("does not speak Agent Network", str(wrong.exception))
        self.assertIn(server.url, str(wrong.exception))


if __name__ == "__main__":
    unittest.main()
