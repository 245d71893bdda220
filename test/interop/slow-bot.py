"""A bot that works on each message before it reads the next: `slow-bot.py URL NAME TOKEN SECONDS COUNT`.

The library's defaults hold: it pings every 20 s, waits 20 s for the pong, and holds 32 messages. It prints `here` when
its mailbox is open, each text that it hears, and `closed CODE` when the connection ends before COUNT texts were heard.
"""

import asyncio
import json
import sys

import websockets


async def main(url: str, name: str, token: str, seconds: str, count: str) -> None:
    async with websockets.connect(url) as line:
        await line.send(json.dumps({"type": "auth", "agentId": name, "token": token, "mailbox": True}))
        heard = 0
        try:
            while heard < int(count):
                frame = json.loads(await line.recv())
                if frame["type"] == "answer":
                    print("here", flush=True)
                if frame["type"] != "chat":
                    continue
                await asyncio.sleep(float(seconds))
                heard += 1
                print(f"heard {frame['text']}", flush=True)
        except websockets.ConnectionClosed as closed:
            print(f"closed {closed.code}", flush=True)
        print("end", flush=True)


asyncio.run(main(*sys.argv[1:]))
