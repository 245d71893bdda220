"""A plain agent with a mailbox, of pyzmq alone: `mail-agent.py NAME IN OUT INTERVAL_MS WORK_MS TO…`.

It opens its box, says the next text to each TO every INTERVAL_MS (0: never), and prints a JSON line for each message
that it heard (`heard`) and worked on for WORK_MS, for each text that it said (`said`) and each receipt (`told`, `ids`). A line on its standard
input ends what it says; it goes on to listen.
"""

import json
import os
import sys
import time

import zmq

name, door_in, door_out, interval, work, *others = sys.argv[1:]
context = zmq.Context.instance()
sub = context.socket(zmq.SUB)
pub = context.socket(zmq.PUB)
sub.linger = pub.linger = 0
sub.rcvhwm = pub.sndhwm = 0
sub.connect(door_out)
sub.subscribe(name)
pub.connect(door_in)


def tell(**line) -> None:
    os.write(1, (json.dumps(line) + "\n").encode())


def say(to: str, kind: str, id: str, content: dict) -> None:
    message = {"message_id": id, "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "from": name}
    message |= {"to": to, "type": kind, "priority": "NORMAL", "content": content, "receipt": ["stored", "settled"]}
    pub.send_multipart([to.encode(), json.dumps(message).encode()])


poller = zmq.Poller()
poller.register(sub, zmq.POLLIN)
poller.register(0, zmq.POLLIN)
is_open = False
number = 0
due = time.monotonic()
period = int(interval) / 1000 if interval != "0" else None
while True:
    now = time.monotonic()
    if now >= due and not is_open:
        say("$broker", "request", f"open-{now}", {"message": "open", "kind": "mailbox.open"})
        due = now + 0.05
    elif now >= due and period is not None:
        number += 1
        due = now + period
        for to in others:
            text = f"{name}.{to}.{number}"
            say(to, "inform", text, {"message": text})
            tell(said=text)
    ready = dict(poller.poll(1000 if is_open and period is None else max(0, (due - now) * 1000)))
    if 0 in ready:
        if os.read(0, 100) == b"":
            sys.exit()
        period = None
    while sub.poll(0):
        message = json.loads(sub.recv_multipart()[1])
        content = message["content"]
        if content.get("kind") == "receipt":
            tell(told=content["data"]["state"], ids=content["data"]["ids"])
        elif content.get("kind") == "mailbox.open":
            if not is_open:
                tell(open=True)
            is_open = True
        elif message["from"] != "$broker":
            tell(heard=content["message"])
            time.sleep(int(work) / 1000)
        else:
            tell(broker=content)
