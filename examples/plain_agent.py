"""A plain agent: two ZeroMQ sockets and JSON, no code of Synaptic Core. Answers every request.

    python3 examples/plain_agent.py NAME [PUBLISH_TO] [SUBSCRIBE_AT]

Needs pyzmq (`pip install pyzmq` or Debian's python3-zmq). Ends on Ctrl-C.
"""
import datetime
import json
import sys
import uuid

import zmq

name = sys.argv[1] if len(sys.argv) > 1 else "claude"
publish_to = sys.argv[2] if len(sys.argv) > 2 else "tcp://127.0.0.1:5555"
subscribe_at = sys.argv[3] if len(sys.argv) > 3 else "tcp://127.0.0.1:5556"

context = zmq.Context()
incoming = context.socket(zmq.SUB)
incoming.connect(subscribe_at)
incoming.subscribe(name.encode())  # what is for this agent; more subscriptions for #rooms
outgoing = context.socket(zmq.PUB)
outgoing.connect(publish_to)


def send(to, kind, content, **more):
    """Publishes one message; the first frame is the addressee's name."""
    message = {
        "message_id": str(uuid.uuid4()),
        "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "from": name,
        "to": to,
        "type": kind,
        "priority": "NORMAL",
        "content": content,
        **more,
    }
    outgoing.send_multipart([to.encode(), json.dumps(message).encode()])


def ready():
    """A PUB socket drops what it sends before it is connected: ask the broker until its answer comes back."""
    while True:
        send("$broker", "request", {"message": "ping", "kind": "ping"})
        if incoming.poll(100):
            incoming.recv_multipart()
            return


ready()
print(f"{name} is ready", flush=True)
try:
    while True:
        topic, payload = incoming.recv_multipart()
        message = json.loads(payload)
        text = message["content"]["message"]
        print(f"{message['from']} {message['type']}: {text}", flush=True)
        if message["type"] == "request":  # a response or an inform is never answered
            send(message["from"], "response", {"message": f"{name} heard: {text}"}, in_reply_to=message["message_id"])
except KeyboardInterrupt:
    pass
