"""AgentChat clients written from the protocol's document alone, against a running broker.

Usage: agentchat.py SERVER   (ws://HOST:PORT or ws://HOST:PORT/agentchat). Prints one line per story, exits 1 at the first that fails.
"""
import asyncio
import json
import sys

import websockets

SERVER = sys.argv[1]
WAIT = 10


class Agent:
    """One WebSocket that speaks AgentChat: says JSON, hears JSON."""

    def __init__(self, socket):
        self.socket = socket
        self.heard = []

    @classmethod
    async def open(cls, name=None):
        agent = cls(await websockets.connect(SERVER))
        if name is not None:
            await agent.says(type="IDENTIFY", name=name)
            agent.id = (await agent.hears("WELCOME"))["agent_id"]
        return agent

    async def says(self, **message):
        await self.socket.send(json.dumps(message))

    async def hears(self, kind, **fields):
        """The first message of this type with these fields; others wait for their turn."""
        fits = lambda message: message["type"] == kind and all(message.get(key) == value for key, value in fields.items())
        for at, message in enumerate(self.heard):
            if fits(message):
                return self.heard.pop(at)
        while True:
            for line in (await asyncio.wait_for(self.socket.recv(), WAIT)).splitlines():
                message = json.loads(line)
                assert isinstance(message["ts"], int), f"no ts in {message}"
                if fits(message):
                    return message
                self.heard.append(message)

    async def barrier(self):
        """Everything said before has been dealt with; returns what was heard meanwhile."""
        await self.says(type="PING")
        await self.hears("PONG")
        heard, self.heard = self.heard, []
        return heard

    async def close(self):
        await self.socket.close()


async def channels():
    ada, bob = await Agent.open("ada"), await Agent.open("bob")
    await ada.says(type="JOIN", channel="#general")
    assert ada.id in (await ada.hears("JOINED", channel="#general"))["agents"]
    await bob.says(type="JOIN", channel="#general")
    assert {ada.id, bob.id} <= set((await bob.hears("JOINED", channel="#general"))["agents"])
    await ada.hears("AGENT_JOINED", channel="#general", agent=bob.id)
    await ada.says(type="MSG", to="#general", content="hello world")
    message = await bob.hears("MSG", content="hello world")
    assert (message["from"], message["to"]) == (ada.id, "#general")
    await ada.hears("MSG", content="hello world")
    await bob.says(type="LIST_AGENTS", channel="#general")
    assert {ada.id, bob.id} <= set((await bob.hears("AGENTS", channel="#general"))["list"])
    await bob.says(type="LIST_CHANNELS")
    names = {channel["name"]: channel["agents"] for channel in (await bob.hears("CHANNELS"))["list"]}
    assert names["#general"] >= 2 and "#agents" in names
    await bob.says(type="LEAVE", channel="#general")
    await bob.hears("LEFT", channel="#general", agent=bob.id)
    await ada.hears("AGENT_LEFT", channel="#general", agent=bob.id)
    await ada.close()
    await bob.close()


async def direct():
    ada, bob = await Agent.open("ada"), await Agent.open("bob")
    await ada.says(type="MSG", to=bob.id, content="private message")
    message = await bob.hears("MSG", content="private message")
    assert (message["from"], message["to"]) == (ada.id, bob.id)
    await bob.close()
    await ada.barrier()
    await ada.says(type="MSG", to=bob.id, content="still there?")
    assert "code" in await ada.hears("ERROR")
    await ada.close()


async def invite_only():
    ada, bob = await Agent.open("ada"), await Agent.open("bob")
    channel = f"#private-{ada.id[1:]}"
    await ada.says(type="CREATE_CHANNEL", channel=channel, invite_only=True)
    await ada.hears("JOINED", channel=channel)
    await bob.says(type="JOIN", channel=channel)
    await bob.hears("ERROR", code="NOT_INVITED")
    await ada.says(type="INVITE", channel=channel, agent=bob.id)
    await bob.hears("MSG")
    await bob.says(type="JOIN", channel=channel)
    await bob.hears("JOINED", channel=channel)
    await ada.close()
    await bob.close()


async def errors():
    nobody = await Agent.open()
    await nobody.says(type="JOIN", channel="#general")
    await nobody.hears("ERROR", code="AUTH_REQUIRED")
    await nobody.says(type="IDENTIFY", name="nobody")
    await nobody.hears("WELCOME")
    await nobody.says(type="JOIN", channel="#nowhere")
    await nobody.hears("ERROR", code="CHANNEL_NOT_FOUND")
    await nobody.says(type="MSG", to="#general")
    await nobody.hears("ERROR", code="INVALID_MSG")
    await nobody.socket.send("not JSON")
    await nobody.hears("ERROR", code="INVALID_MSG")
    for n in range(30):
        await nobody.says(type="MSG", to="#general", content=str(n))
    await nobody.hears("ERROR", code="RATE_LIMITED")
    await nobody.close()


async def main():
    for about, story in [
        ("channels: join, talk, list, leave", channels),
        ("direct messages, and to somebody who has gone", direct),
        ("an invite-only channel", invite_only),
        ("every error code of the document", errors),
    ]:
        await asyncio.wait_for(story(), 30)
        print(f"ok: AgentChat: {about}", flush=True)


asyncio.run(main())
