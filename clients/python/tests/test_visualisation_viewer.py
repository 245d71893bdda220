"""The viewer against a server of the test's own, which answers as it is told to."""
import asyncio
import gzip
import json
import struct
import unittest
import zlib

import websockets

from synaptic_core import Fault
from synaptic_core.visualisation import CommandRefused, Viewer

ACK = {"sessionId": "s-1", "protocols": ["binary", "json"], "heartbeatInterval": 30_000, "compression": "zlib"}


def event(kind, payload, **more):
    return json.dumps({"id": "e", "type": kind, "timestamp": "2030-01-01T00:00:00Z", "payload": payload, **more})


def answer(message, kind, payload):
    return event(kind, payload, metadata={"correlationId": message["id"]})


def frame(kind, payload):
    return b"AGNT" + struct.pack(">BBH", kind, 2, len(payload)) + payload


STATE = frame(2, struct.pack(">IIBBH", 1, 1, 2, 0, 1) + b"\x80")  # one agent, number 1, EXECUTING, no metadata
POSITION = frame(1, struct.pack(">IIffffff", 1, 1, 1.5, 2, 3, 0, 0, 0))


class Server:
    """Takes each handshake, and echoes heartbeats; `answers` has functions by type that say otherwise."""

    @classmethod
    async def open(cls, case, **answers):
        server = cls()
        server.answers, server.heard, server.sockets = answers, [], []

        async def serve(socket, *_path):
            server.sockets.append(socket)
            async for text in socket:
                message = json.loads(text)
                server.heard.append(message)
                answered = server.answers.get(message["type"].replace(".", "_"), server.usual)(message)
                for said in answered if isinstance(answered, list) else [answered]:
                    if isinstance(said, int):
                        await socket.close(said, "as told")
                        return
                    elif said is not None:
                        await socket.send(said)

        listening = await websockets.serve(serve, "127.0.0.1", 0, subprotocols=["visualisation.v2"])
        server.url = f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/agents/ws"
        case.addAsyncCleanup(listening.wait_closed)
        case.addCleanup(listening.close)
        return server

    @staticmethod
    def usual(message):
        if message["type"] == "handshake":
            registered = event("agent.registered", {"id": 1, "agentId": "ada", "name": "ada"})
            return [answer(message, "handshake_ack", ACK), registered]
        if message["type"] == "compression.negotiate":
            return answer(message, "compression.selected", {"algorithm": message["algorithms"][0], "level": 6})
        return answer(message, "heartbeat", {}) if message["type"] == "heartbeat" else None


class Viewing(unittest.IsolatedAsyncioTestCase):
    async def take(self, viewer, count):
        return [await asyncio.wait_for(viewer.__anext__(), 20) for _ in range(count)]

    async def test_events_come_in_json_and_in_binary_alike(self):
        server = await Server.open(self)
        async with Viewer(server.url, "secret", streams=["agent.positions"], position_rate=5) as viewer:
            handshake = server.heard[-1]
            self.assertEqual((handshake["token"], handshake["streams"], handshake["positionRate"]), ("secret", ["agent.positions"], 5))
            await self.take(viewer, 1)
            await server.sockets[0].send(POSITION + STATE + STATE)
            position, first, second = await self.take(viewer, 3)
            self.assertEqual(position.payload["agents"][0]["agentId"], "ada")
            self.assertEqual(position.payload["agents"][0]["x"], 1.5)
            self.assertEqual((first.payload["previousState"], first.payload["newState"]), (None, "EXECUTING"))
            self.assertEqual(second.payload["previousState"], "EXECUTING")
            self.assertEqual(list(viewer.agents), ["ada"])

    async def test_batches_are_opened(self):
        for algorithm, compress in (("deflate", zlib.compress), ("gzip", gzip.compress)):
            with self.subTest(algorithm):
                chosen = lambda message: answer(message, "compression.selected", {"algorithm": algorithm, "level": 6})
                server = await Server.open(self, compression_negotiate=chosen)
                async with Viewer(server.url, "secret") as viewer:
                    await self.take(viewer, 1)
                    lines = (event("system.metrics", {"activeAgents": 1}) + "\n") * 2
                    for batch in (STATE, lines.encode()):
                        await server.sockets[0].send(b"AGNT\x05" + struct.pack(">I", len(batch)) + compress(batch))
                    kinds = [each.type for each in await self.take(viewer, 3)]
                    self.assertEqual(kinds, ["agent.state.changed", "system.metrics", "system.metrics"])

    async def test_a_broker_that_lies_is_left_and_asked_again(self):
        bomb = zlib.compress(bytes(5_000_000))
        for name, data in (("bomb", b"AGNT\x05" + struct.pack(">I", 100) + bomb), ("claim", b"AGNT\x05\xff\xff\xff\xff" + bomb), ("magic", b"AGNX"), ("text", "no JSON")):
            with self.subTest(name):
                server = await Server.open(self)
                async with Viewer(server.url, "secret") as viewer:
                    await self.take(viewer, 1)
                    await server.sockets[0].send(data)
                    await self.take(viewer, 1)  # announced again
                    self.assertEqual(len(server.sockets), 2)

    async def test_commands_are_answered(self):
        def execute(message):
            asked = message["payload"]
            if asked["targetAgent"] == "bob":
                details = {"requestId": message["id"], "component": "control", "stackTrace": None}
                return answer(message, "error", {"code": "AGENT_NOT_FOUND", "message": "no bob", "details": details, "recoverable": True, "suggestedAction": "verify_agent_id"})
            result = {"message": asked["command"], "data": asked["parameters"]}
            return answer(message, "control.result", {"targetAgent": asked["targetAgent"], "status": "completed", "result": result})

        server = await Server.open(self, control_execute=execute, streams_select=lambda message: answer(message, "streams.selected", message["payload"]))
        server.answers["control_multi-agent_configure"] = lambda message: answer(message, "control.multi-agent.configured", message["payload"])
        async with Viewer(server.url, "secret") as viewer:
            self.assertEqual((await viewer.configure("team", {"topology": "MESH"}))["multi-agentId"], "team")
            result = await viewer.execute("ada", "sum", {"n": 1}, timeout_s=3)
            self.assertEqual((result["status"], result["result"]), ("completed", {"message": "sum", "data": {"n": 1}}))
            self.assertEqual(server.heard[-1]["payload"]["timeout"], 3_000)
            self.assertEqual(await viewer.ask("rooms.list", {"limit": 1}), {"limit": 1})
            with self.assertRaises(CommandRefused) as refused:
                await viewer.execute("bob", "sum")
            self.assertEqual((refused.exception.code, refused.exception.suggested_action), ("AGENT_NOT_FOUND", "verify_agent_id"))
            self.assertEqual((await viewer.select(["system.metrics"]))["streams"], ["system.metrics"])

    async def test_a_lost_connection_is_made_again_and_ends_calls(self):
        server = await Server.open(self, control_execute=lambda message: 1001)
        async with Viewer(server.url, "secret") as viewer:
            await self.take(viewer, 1)
            with self.assertRaises(Fault) as lost:
                await viewer.execute("ada", "sum")
            self.assertEqual(lost.exception.code, "unavailable")
            await self.take(viewer, 1)
            self.assertEqual(len(server.sockets), 2)

    async def test_a_silent_broker_is_left(self):
        server = await Server.open(self, heartbeat=lambda message: None)
        async with Viewer(server.url, "secret", heartbeat_s=0.05) as viewer:
            await self.take(viewer, 2)
            self.assertEqual(len(server.sockets), 2)

    async def test_heartbeats_are_sent_while_events_come(self):
        metrics = [event("system.metrics", {})] * 3
        server = await Server.open(self, heartbeat=lambda message: metrics)
        async with Viewer(server.url, "secret", heartbeat_s=0.02) as viewer:
            await self.take(viewer, 10)
            self.assertGreaterEqual([each["type"] for each in server.heard].count("heartbeat"), 3)
            self.assertEqual(len(server.sockets), 1)

    async def test_a_refused_token_is_told_and_not_tried_again(self):
        def refused(message):
            return [answer(message, "error", {"code": "AUTH_FAILED", "message": "this token has ended"}), 4401]

        server = await Server.open(self, handshake=refused)
        with self.assertRaises(Fault) as fault:
            await Viewer(server.url, "secret").connect()
        self.assertEqual(fault.exception.code, "unauthenticated")
        self.assertIn("this token has ended", fault.exception.message)
        self.assertEqual(len(server.sockets), 1)

    async def test_a_function_brings_tokens(self):
        async def bring():
            return "fresh"

        server = await Server.open(self)
        async with Viewer(server.url, bring):
            self.assertEqual(server.heard[-1]["token"], "fresh")

    async def test_nobody_there_is_told(self):
        server = await Server.open(self)
        viewer = Viewer(server.url.replace("ws://127.0.0.1", "ws://127.0.0.2"), "secret", connect_timeout_s=0.3)
        with self.assertRaises(Fault) as fault:
            await viewer.connect()
        self.assertEqual(fault.exception.code, "unavailable")

    async def test_iteration_ends_when_it_is_closed(self):
        server = await Server.open(self)
        viewer = Viewer(server.url, "secret")
        await viewer.connect()
        await viewer.close()
        self.assertEqual([each.type async for each in viewer], ["agent.registered"])
