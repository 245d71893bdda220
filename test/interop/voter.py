"""A plain agent of the document's words: `voter.py NAME PUB_URL SUB_URL TEXT` answers each request by TEXT.

It prints `ready` when both its sockets work, then what it is asked.
"""

import json
import sys
import time
import uuid
from datetime import datetime, timezone

import zmq

name, pub_url, sub_url, text = sys.argv[1:]
context = zmq.Context()
sub = context.socket(zmq.SUB)
sub.connect(sub_url)
sub.subscribe(name.encode())
pub = context.socket(zmq.PUB)
pub.connect(pub_url)


def say(to: str, kind: str, content: dict) -> None:
    message = {
        "message_id": str(uuid.uuid4()),
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "from": name,
        "to": to,
        "type": kind,
        "priority": "NORMAL",
        "content": content,
    }
    pub.send_multipart([to.encode(), json.dumps(message).encode()])


# Its own words come back once both sockets work.
while not sub.poll(50):
    say(name, "inform", {"message": "am I there?"})
print("ready", flush=True)
while True:
    _, payload = sub.recv_multipart()
    message = json.loads(payload)
    if message["type"] == "request":
        print(message["content"]["message"], flush=True)
        say(message["from"], "response", {"message": text})
    time.sleep(0)
