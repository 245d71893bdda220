"""A plain agent: two ZeroMQ sockets and JSON, no code of Synaptic Core.

    python3 examples/plain_agent.py NAME [PUBLISH_TO SUBSCRIBE_AT]                      answers every request, until Ctrl-C
    python3 examples/plain_agent.py NAME [PUBLISH_TO SUBSCRIBE_AT] --ask OTHER TEXT     asks once and prints the answer

Needs pyzmq (`apt install python3-zmq`, or in a venv `pip install pyzmq`). Exits 1, with the reason, when the broker refuses or nobody answers.
"""
import argparse
import collections
import datetime
import json
import sys
import time
import uuid

try:
    import zmq
except ModuleNotFoundError:
    sys.exit("pyzmq is missing: apt install python3-zmq and run /usr/bin/python3, or pip install pyzmq in a venv and run its python")

ANSWER_WITHIN_S = 30
late = 0  # requests that came after their expires_at
PING = str(uuid.uuid4())  # the id of the question whether the broker hears us

words = argparse.ArgumentParser()
words.add_argument("name", nargs="?", default="claude")
words.add_argument("publish_to", nargs="?", default="tcp://127.0.0.1:5555")
words.add_argument("subscribe_at", nargs="?", default="tcp://127.0.0.1:5556")
words.add_argument("--ask", nargs=2, metavar=("OTHER", "TEXT"))
given = words.parse_args()
name = given.name



def connect(socket, address):
    try:
        socket.connect(address)
    except zmq.ZMQError as error:
        sys.exit(f"cannot connect to {address}: {error}; an address is tcp://HOST:PORT or ipc:///PATH (npx broker status shows the broker's)")


context = zmq.Context()
incoming = context.socket(zmq.SUB)
connect(incoming, given.subscribe_at)
incoming.subscribe(name.encode())  # what is for this agent; more subscriptions for #rooms
outgoing = context.socket(zmq.PUB)
outgoing.setsockopt(zmq.LINGER, 1000)  # ms that the last words have to leave
connect(outgoing, given.publish_to)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def send(to, kind, content, **more):
    """Publishes one message; the first frame is the addressee's name."""
    message = {
        "message_id": str(uuid.uuid4()),
        "timestamp": now().isoformat(),
        "from": name,
        "to": to,
        "type": kind,
        "priority": "NORMAL",
        "content": content,
        **more,
    }
    outgoing.send_multipart([to.encode(), json.dumps(message).encode()])


def read(frames):
    """The message in two frames with its words under `text`, or None: what another agent wrote nobody else has checked."""
    try:
        message = json.loads(frames[1])
    except (IndexError, ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("message_id", "from", "type")):
        return None
    content = message.get("content")  # an object with a text `message`, or a text
    text = content.get("message") if isinstance(content, dict) else content
    return {**message, "text": text} if isinstance(text, str) else None


def is_fault(message):
    return isinstance(message["content"], dict) and message["content"].get("kind") == "fault"


def hear(seconds):
    """The next message that can be read, or None after so many seconds. Ends the program when the broker refuses the name."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and incoming.poll(int(left * 1000) + 1):
        message = read(incoming.recv_multipart())
        if message is None:
            continue
        if message["from"] == "$broker" and is_fault(message) and message["content"].get("data", {}).get("subscription") == name:
            sys.exit(f"{name} is refused: {message['text']}")
        return message
    return None


def ready():
    """A PUB socket drops what it sends before it is connected: asks the broker under one id until the answer comes. Returns what else came."""
    meanwhile = collections.deque(maxlen=1000)
    warn_at = time.monotonic() + 5
    while True:
        send("$broker", "request", {"message": "ping", "kind": "ping"}, message_id=PING)
        again = time.monotonic() + 0.1
        while (message := hear(again - time.monotonic())) is not None:
            if message.get("in_reply_to") != PING:
                meanwhile.append(message)
            elif is_fault(message):
                sys.exit(f"{name} is refused: {message['text']}")
            else:
                return meanwhile
        if time.monotonic() > warn_at:
            warn_at = float("inf")
            print(f"no answer yet: does a broker run that agents publish to at {given.publish_to} and subscribe at {given.subscribe_at} (npx broker status shows where, npm start starts one), and can {name} be a name?", file=sys.stderr, flush=True)


def has_expired(message):
    """Whether it was to be heard before now. A time that cannot be read, or has no zone, says nothing."""
    try:
        return datetime.datetime.fromisoformat(message["expires_at"].replace("Z", "+00:00")) <= now()
    except (KeyError, AttributeError, ValueError, TypeError):
        return False


def answers(message, other, asked):
    """Whether it is about the question. A response that names none is for the oldest question to its sender, and there is only one."""
    about = message.get("in_reply_to") or (asked if message["type"] == "response" and message["from"] == other else None)
    return about == asked


def take(message):
    """Shows a message, and answers it if it is a request; a response or an inform is never answered."""
    if message.get("in_reply_to") == PING:
        return  # we asked more than once
    global late
    if message["type"] == "request" and has_expired(message):
        late += 1
        print(f"{late} requests came too late and were skipped, the last from {message['from']}", file=sys.stderr, flush=True)
        return
    print(f"{message['from']} {message['type']}: {message['text']}", flush=True)
    if message["type"] == "request":
        send(message["from"], "response", {"message": f"{name} heard: {message['text']}"}, in_reply_to=message["message_id"])


def ask(other, text):
    """Asks one agent and prints its answer; what others say meanwhile is taken as ever."""
    asked = str(uuid.uuid4())
    send(other, "request", {"message": text}, message_id=asked, wait_ms=ANSWER_WITHIN_S * 1000)
    end = time.monotonic() + ANSWER_WITHIN_S + 1
    while (message := hear(end - time.monotonic())) is not None:
        if not answers(message, other, asked):
            take(message)
        elif is_fault(message):
            sys.exit(message["text"])
        elif message["type"] == "response":
            print(message["text"], flush=True)
            return
    sys.exit(f"{other} did not answer within {ANSWER_WITHIN_S} s")


def main():
    sys.stdout.reconfigure(errors="backslashreplace")  # words that this terminal cannot show
    kept = ready()
    if given.ask is None:
        print(f"{name} is ready", flush=True)
    for message in kept:
        take(message)
    if given.ask is not None:
        ask(*given.ask)
        return
    while True:
        message = hear(60)
        if message is not None:
            take(message)


try:
    main()
except KeyboardInterrupt:
    pass
