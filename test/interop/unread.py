"""A client that reads when it is told to: `unread.py ws URL`, or `unread.py zmq URL TOPIC HIGH_WATER_MARK`.

It prints `here` when it is connected. For each line `N` on its standard input it reads N messages and prints the last
one's text and how many it has read in all.
"""

import asyncio
import sys


def told() -> int:
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return int(line)


def zmq_client(url: str, topic: str, high_water_mark: str) -> None:
    import zmq

    sub = zmq.Context.instance().socket(zmq.SUB)
    sub.linger = 0
    sub.rcvhwm = int(high_water_mark)
    sub.connect(url)
    sub.subscribe(topic)
    print("here", flush=True)
    heard = 0
    while True:
        text = b""
        for _ in range(told()):
            _, text = sub.recv_multipart()
            heard += 1
        print(text[:20].decode(), heard, flush=True)


async def ws_client(url: str) -> None:
    import websockets

    async with websockets.connect(url, ping_interval=None, max_size=None) as socket:
        print("here", flush=True)
        heard = 0
        while True:
            count = await asyncio.get_running_loop().run_in_executor(None, told)
            text = ""
            for _ in range(count):
                text = await socket.recv()
                heard += 1
            print(text[:20], heard, flush=True)


if sys.argv[1] == "zmq":
    zmq_client(*sys.argv[2:])
else:
    asyncio.run(ws_client(sys.argv[2]))
