"""The same as `mail-sdk.mjs`, of the Python SDK: `mail-sdk.py NAME IN OUT JOURNAL LIFE`, with the SDK on PYTHONPATH."""

import os
import sys
import threading
import time

from synaptic_core import Agent, AgentOptions, Fault

name, door_in, door_out, journal, life = sys.argv[1:]
with open(journal, encoding="utf-8") as lines:
    handled = {words[3] for words in map(str.split, lines) if words[0] == name}
notes = os.open(journal, os.O_WRONLY | os.O_APPEND)
lock = threading.Lock()


def connected() -> Agent:
    options = AgentOptions(request_timeout_s=1.0)
    while True:
        try:
            return Agent.connect(name, zmq_in=door_in, zmq_out=door_out, options=options, mailbox="take")
        except Fault:
            time.sleep(0.05)


agent = connected()


@agent.on_inform
@agent.on_request  # a MSG of AgentChat is one
def handle(message) -> str:
    id = message.message_id
    with lock:
        is_again = id in handled
        os.write(notes, f"again {name} {life} {id}\n".encode() if is_again else f"{name} {life} {message.text} {id}\n".encode())
        handled.add(id)
    return "noted"


print("ready", flush=True)
threading.Event().wait()
