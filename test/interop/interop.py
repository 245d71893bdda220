"""Agents written from the protocols' documents alone: two plain pyzmq sockets (Agent Interaction Protocol v1.0) and a PAN client.

Usage: interop.py DATA_DIRECTORY   (of a running broker). Prints one line per story, exits 1 at the first that fails.
"""
import asyncio
import datetime
import json
import pathlib
import sys
import uuid

import websockets
import zmq
import zmq.asyncio

DATA = pathlib.Path(sys.argv[1])
ENDPOINTS = json.loads((DATA / "endpoints.json").read_text())
PAN_TOKEN = (DATA / "pan-token").read_text().strip()
PAN_URL = ENDPOINTS["ws"][0].rstrip("/") + "/pan"
WAIT = 10


class Plain:
    """A plain agent: one PUB, one SUB, and nothing else."""

    def __init__(self, context, name, transport="tcp"):
        pick = lambda urls: next(url for url in urls if url.startswith(transport))
        self.name = name
        self.sub = context.socket(zmq.SUB)
        self.sub.setsockopt(zmq.LINGER, 0)
        self.sub.connect(pick(ENDPOINTS["zmqOut"]))
        self.sub.subscribe(name.encode())
        self.pub = context.socket(zmq.PUB)
        self.pub.setsockopt(zmq.LINGER, 1000)
        self.pub.connect(pick(ENDPOINTS["zmqIn"]))

    async def send(self, to, kind, text, **more):
        message = {
            "message_id": str(uuid.uuid4()),
            "timestamp": datetime.datetime.now().isoformat(),
            "from": self.name,
            "to": to,
            "type": kind,
            "priority": "NORMAL",
            "content": {"message": text},
            **more,
        }
        await self.pub.send_multipart([to.encode(), json.dumps(message).encode()])
        return message["message_id"]

    async def hear(self):
        topic, payload = await asyncio.wait_for(self.sub.recv_multipart(), WAIT)
        return topic.decode(), json.loads(payload)

    async def until(self, wanted):
        while True:
            topic, message = await self.hear()
            if wanted(message):
                return topic, message

    async def meet(self):
        """A plain agent has no ready signal: it asks `$broker` under one id until the answer comes back on its own topic."""
        asked = str(uuid.uuid4())
        for _ in range(200):
            await self.send("$broker", "request", "ping", message_id=asked, content={"message": "ping", "kind": "ping"})
            try:
                topic, payload = await asyncio.wait_for(self.sub.recv_multipart(), 0.2)
                if json.loads(payload).get("in_reply_to") == asked:
                    break
            except asyncio.TimeoutError:
                continue
        else:
            raise AssertionError("the broker did not answer a ping")
        while await self.sub.poll(300):
            await self.sub.recv_multipart()

    def close(self):
        self.sub.close()
        self.pub.close()


async def pan(agent, token=PAN_TOKEN):
    socket = await websockets.connect(PAN_URL)
    await socket.send(json.dumps({"type": "auth", "agentId": agent, "name": agent.upper(), "token": token}))
    return socket, json.loads(await asyncio.wait_for(socket.recv(), WAIT))


async def frame(socket, kind):
    while True:
        heard = json.loads(await asyncio.wait_for(socket.recv(), WAIT))
        if heard["type"] == kind:
            return heard


async def main():
    context = zmq.asyncio.Context()
    claude, code = Plain(context, "claude"), Plain(context, "claude_code", "ipc")
    await claude.meet()
    await code.meet()

    asked = await claude.send("claude_code", "request", "are you there?")
    topic, heard = await code.hear()
    assert (topic, heard["message_id"], heard["type"]) == ("claude_code", asked, "request"), heard
    await code.send("claude", "response", "yes", in_reply_to=asked)
    topic, heard = await claude.hear()
    assert (topic, heard["content"]["message"], heard["type"]) == ("claude", "yes", "response"), heard
    print("ok: request and response between two plain agents; claude heard nothing that was for claude_code")

    socket, refused = await pan("trader", "wrong")
    assert (refused["type"], refused["code"]) == ("error", "AUTH_FAILED"), refused
    await socket.close()
    trader, welcome = await pan("trader")
    assert welcome == {"type": "system", "status": "success", "message": "Welcome to PAN v1.0"}, welcome
    await trader.send(json.dumps({"type": "chat", "to": "claude", "text": "price?"}))
    _, heard = await claude.hear()
    assert (heard["from"], heard["type"], heard["content"]["message"]) == ("trader", "request", "price?"), heard
    await claude.send("trader", "response", "42", in_reply_to=heard["message_id"])
    chat = await frame(trader, "chat")
    assert (chat["from"], chat["to"], chat["text"]) == ("claude", "trader", "42"), chat
    print("ok: a PAN bot asks a plain agent and hears the answer")

    asked = await claude.send("trader", "request", "sell?")
    chat = await frame(trader, "chat")
    assert chat["text"] == "sell?", chat
    await trader.send(json.dumps({"type": "chat", "to": "claude", "text": "never"}))
    _, heard = await claude.hear()
    assert (heard["type"], heard.get("in_reply_to"), heard["content"]["message"]) == ("response", asked, "never"), heard
    print("ok: a plain agent asks a PAN bot; plain chat text comes back as the response")

    await trader.send(json.dumps({"type": "join", "room": "#crypto"}))
    joined = await frame(trader, "system")
    assert (joined["status"], joined["room"], joined["message"]) == ("joined", "#crypto", "You joined #crypto"), joined
    code.sub.subscribe(b"#crypto")
    came = await frame(trader, "system")
    assert (came["status"], came["agentId"]) == ("agent_joined", "claude_code"), came
    await trader.send(json.dumps({"type": "chat", "to": "#crypto", "text": "volume spiking"}))
    topic, heard = await code.hear()
    assert (topic, heard["type"], heard["from"]) == ("#crypto", "inform", "trader"), heard
    await code.send("#crypto", "inform", "seen")
    chat = await frame(trader, "chat")
    assert (chat["to"], chat["text"]) == ("#crypto", "seen"), chat
    print("ok: one room for both")

    await trader.send(json.dumps({"type": "list"}))
    names = {agent["id"] for agent in (await frame(trader, "list"))["agents"]}
    assert {"claude", "claude_code", "trader"} <= names, names
    await trader.send(json.dumps({"type": "chat", "to": "nobody-here", "text": "?"}))
    assert (await frame(trader, "error"))["code"] == "AGENT_NOT_FOUND"
    await trader.send("{not json")
    assert (await frame(trader, "error"))["code"] == "INVALID_FORMAT"
    await claude.send("nobody-here", "request", "?")
    _, fault = await claude.until(lambda message: message["content"].get("kind") == "fault")
    assert (fault["from"], fault["type"], fault["content"]["data"]["code"]) == ("$broker", "inform", "not-found"), fault
    print("ok: the list has all dialects; what goes nowhere is told")

    await trader.send(json.dumps({"type": "chat", "to": "all", "text": "GM agents!"}))
    for agent in (claude, code):
        topic, heard = await agent.until(lambda message: message["from"] == "trader")
        assert (topic, heard["to"], heard["content"]["message"]) == (agent.name, "all", "GM agents!"), heard
    print("ok: a broadcast reaches plain agents that never subscribed to it")

    await trader.close()
    claude.close()
    code.close()
    context.term()


asyncio.run(main())
