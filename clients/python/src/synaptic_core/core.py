"""What the blocking and the asyncio agent have in common: everything but how they wait and where their handlers run."""
from __future__ import annotations

import logging
import math
import os
import threading
import time
import uuid
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Callable, Dict, List, Mapping, Optional

from .doors import Doors, nobody_there
from .drops import Drops
from .envelope import Envelope, Inform, Message, Request, Response, Said, check_id, check_topic, content_of, write
from .fault import Fault
from .futures import settle
from .link import Link
from .listed import Past, past_of
from .names import BROKER, agent_name_problem, shown
from .options import AgentOptions
from .pending import Pending
from .rare import WHOLE_MAX
from .reading import is_expired, read_payload
from .replays import Replays
from .saying import time_text

_log = logging.getLogger("synaptic_core")
_PING_S = 0.05
#: How long another program of the same name may take to leave, and the time between two looks.
_LEAVE_S = 2.0
_LOOK_S = 0.1
_PING = "ping"
_PRIORITIES = ("LOW", "NORMAL", "HIGH")
_KINDS = {"request": Request, "response": Response, "inform": Inform}

#: Opens the way to the broker; told whom to call with what arrives, and with the reason if it ends by itself.
OpenLink = Callable[[Callable[[str, bytes], None], Callable[[Fault], None]], Link]


def zeromq(name: str, token: Optional[str], doors: Doors, options: AgentOptions) -> OpenLink:
    """Two sockets to the broker. Raises Fault malformed: the name, when called the addresses."""
    problem = agent_name_problem(name)
    if problem is not None:
        raise Fault("malformed", f"the name {shown(name)} {problem}; choose another")

    def open_link(heard: Callable[[str, bytes], None], failed: Callable[[Fault], None]) -> Link:
        link = Link(doors, name, token, heard, failed, options)
        link.open()
        return link

    return open_link

#: Why an answer is refused here for what it is: its asker has said nothing wrong, and must not read that it has.
UNSAYABLE = ("malformed", "too-large")


class Core:
    """
    One agent. Called in the link's thread: `deliver` with what nobody waits for, `failed` with the reason why there will be no more, unless
    the application ends it.
    """

    def __init__(self, name: str, options: AgentOptions, deliver: Callable[[Message], None], failed: Callable[[Fault], None], open_link: OpenLink) -> None:
        self.name = name
        self.options = options
        self.drops = Drops(name)
        self._deliver = deliver
        self._failed = failed
        self._pid = os.getpid()
        self._end_reason = Fault("going-away", "this agent is closed")
        self._pending = Pending(name, options.pending_max)
        self._replays = Replays(name)
        self._is_unproved = False  # something was said that no later answer has proved to be read
        self._closing = threading.Lock()
        self._first_ping: Optional[str] = None  # while `ready` waits for its answer
        self._phase = "open"
        #: Called in the link's thread with what nobody waits for: True if the mailbox of this agent does.
        self.of_mailbox: Callable[[Message], bool] = lambda message: False
        self._link = open_link(self.hear, self._fail)  # hears nothing yet: see `ready`

    @property
    def is_forked(self) -> bool:
        """True in a child of the process that connected: the thread and the sockets are the parent's."""
        return os.getpid() != self._pid

    def check_process(self) -> None:
        """Raises Fault unavailable in a forked child."""
        if self.is_forked:
            raise Fault("unavailable", f"{self.name} is connected in process {self._pid}, which this one was forked from; connect after fork")

    def publish(self, to: str, kind: str, said: Said, *, message_id: Optional[str] = None, more: Optional[Mapping[str, Any]] = None, is_wanted: Callable[[], bool] = lambda: True) -> "Future[None]":
        """Publishes one message. Raises Fault malformed, too-large, unavailable (forked), going-away, and why the link ended; the future fails as `Link.publish` says."""
        self.check_process()
        check_topic(to)
        fields: Dict[str, Any] = {"priority": "NORMAL", **(more or {})}
        for name, found in (("message_id", message_id), ("in_reply_to", fields.get("in_reply_to")), ("conversation_id", fields.get("conversation_id"))):
            check_id(name, found)
        if fields["priority"] not in _PRIORITIES:
            raise Fault("malformed", f"priority is {fields['priority']!r}; it is LOW, NORMAL or HIGH")
        envelope = _KINDS[kind](
            message_id=message_id or str(uuid.uuid4()),
            timestamp=time_text(0),
            sender=self.name,
            to=to,
            type=kind,
            content=content_of(said),
            from_name=self.options.display_name,
            **fields,
        )
        payload = write(envelope)
        # The broker closes the connection of whoever sends more: what waits behind it would be lost, too.
        if len(payload) > self.options.message_max_bytes:
            raise Fault("too-large", f"the message has {len(payload)} bytes, and the broker takes {self.options.message_max_bytes} (zmqFrameMaxBytes; tell the agent by message_max_bytes)")
        if self._phase == "closed":
            raise self._end_reason
        if kind != "request":
            self._is_unproved = True
        return self._link.publish(to, payload, self.options.publish_timeout_s, is_wanted)

    def ask(self, to: str, said: Said, timeout_s: float, *, message_id: Optional[str] = None, more: Optional[Mapping[str, Any]] = None, heard: Optional[Callable[["Future[Envelope]"], None]] = None) -> "Future[Envelope]":
        """
        Asks; the response, or the fault told about it. `heard` is called with the answer before anything else is heard.
        Whoever waits no longer cancels the future. Raises Fault malformed, conflict, full, and as `publish`.
        """
        self.check_process()
        if to == self.name:
            raise Fault("malformed", f"{to} is this agent itself: nobody would answer")
        if not timeout_s > 0:
            raise Fault("malformed", f"timeout_s is {timeout_s}; give seconds, more than 0")
        check_topic(to)
        check_id("message_id", message_id)
        chosen = message_id or str(uuid.uuid4())
        answer = self._pending.wait(chosen, to)
        if heard is not None:
            answer.add_done_callback(heard)
        try:
            sent = self.publish(to, "request", said, message_id=chosen, more={"wait_ms": _whole_ms(timeout_s), **(more or {})}, is_wanted=lambda: not answer.done())
        except BaseException:
            answer.cancel()
            raise
        sent.add_done_callback(lambda done: self._unsent(chosen, done))
        return answer

    def respond(self, request: Request, said: Said) -> "Future[None]":
        """Answers a request; nothing else can be answered. Raises TypeError for what is none, and as `publish`."""
        if not isinstance(request, Request):
            raise TypeError("only a Request can be answered: responses and informs never are")
        return self.publish(request.sender, "response", said, more={"in_reply_to": request.message_id, "conversation_id": request.conversation_id})

    def refuse(self, request: Request, fault: Fault) -> "Future[None]":
        """Answers a request by a fault."""
        return self.respond(request, {"message": fault.message, "kind": "fault", "data": {"code": fault.code}})

    def on_reconnect(self, reached: Callable[[], None]) -> None:
        """Calls `reached`, in the link's thread, whenever one of the sockets has reached the broker."""
        self._link.reached = reached

    def desk(
        self, kind: str, data: Optional[Dict[str, Any]] = None, *, heard: Optional[Callable[["Future[Envelope]"], None]] = None, message_id: Optional[str] = None, within_s: Optional[float] = None
    ) -> "Future[Envelope]":
        """Asks the broker itself."""
        said: Dict[str, Any] = {"message": kind, "kind": kind}
        if data is not None:
            said["data"] = data
        return self.ask(BROKER, said, self.options.request_timeout_s if within_s is None else within_s, message_id=message_id, heard=heard)

    def ping(self, within_s: float) -> "Future[Envelope]":
        """Asks the broker for a sign of life."""
        return self.ask(BROKER, self._ping(), within_s)

    def is_awaited(self, message: Message) -> bool:
        """Gives a message to the request that waits for it. False if none does."""
        return self._pending.take(message)

    def replayed(self, asked: Dict[str, Any]) -> "Future[Past]":
        """What a room remembers, oldest first; `asked`: the fields of the request."""
        past: "Future[Past]" = Future()
        heard: "Future[List[Message]]" = Future()

        def begin(answer: "Future[Envelope]") -> None:
            if answer.cancelled():
                past.cancel()
            elif answer.exception() is not None:
                settle(past, answer.exception())
            else:
                told = answer.result()
                heard.add_done_callback(lambda done: settle(past, done.exception() or past_of(told, done.result())))
                self._replays.begin(str(asked["room"]), int(told.data["count"]), heard)

        answer = self.desk("room.history", asked, heard=begin)

        def given_up(done: "Future[Past]") -> None:
            if done.cancelled():
                answer.cancel()
                heard.cancel()

        past.add_done_callback(given_up)
        return past

    def joined(self, room: str) -> "Future[Envelope]":
        """Hears a room and asks to be a member. What was not heard before is not heard after a refusal."""
        is_new = self.subscribe(room)
        try:
            answer = self.desk("room.join", {"room": room})
        except BaseException:
            if is_new:
                self.unsubscribe(room)
            raise
        if is_new:
            answer.add_done_callback(lambda done: self.unsubscribe(room) if done.cancelled() or done.exception() is not None else None)
        return answer

    def subscribe(self, topic: str) -> bool:
        """Hears a topic from now on. False if it does already. Raises Fault malformed, unavailable (forked)."""
        self.check_process()
        check_topic(topic)
        return self._link.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        """Raises Fault malformed, unavailable (forked)."""
        self.check_process()
        check_topic(topic)
        self._link.unsubscribe(topic)

    def hear(self, topic: str, payload: bytes) -> None:
        """Takes what arrived."""
        try:
            message = read_payload(payload, self.name, topic)
        except Fault as fault:
            _log.warning("%s: a message could not be read: %s", self.name, fault)
            return
        if self._first_ping is not None and _is_refusal(message, self.name):
            code = "conflict" if message.data.get("code") == "conflict" else "unauthenticated"  # it is in use, or has an owner
            self._pending.fail(self._first_ping, Fault(code, f"the broker refuses {self.name}: {message.text}"))
            return
        is_awaited = self._pending.take(message) or self._replays.take(topic, message) or self.of_mailbox(message)
        if (_is_pong(message) and message.to == self.name) or (message.sender == self.name and not self.options.hear_own):
            return
        if not isinstance(message, Request):
            _log.info("%s: %s received from %s (%s, in reply to %s)", self.name, message.type, message.sender, message.message_id, message.in_reply_to)
        if is_awaited:
            return
        self._replays.others_answer(message)
        if not self.is_late(message):
            self._deliver(message)

    def is_late(self, message: Optional[Message]) -> bool:
        """True for a request that was to be delivered until a time that is over (`expires_at`): it is counted, and not carried out."""
        if not isinstance(message, Request) or not is_expired(message):
            return False
        self.drops.too_late(message)
        return True

    def prove(self) -> None:
        """
        A round trip, if something was said that none has proved: what one sender says is read in order, so the answer proves all before it.
        Raises Fault unavailable.
        """
        if not self._is_unproved:
            return
        try:
            self._round_trip(max(1.0, self.options.close_timeout_s))
        except Fault as fault:
            raise Fault("unavailable", "the broker did not confirm that it has read what this agent said last; it may be lost") from fault

    def _ping(self) -> Said:
        return {"message": _PING, "kind": _PING, "data": {"instance": self._link.instance}}

    def _round_trip(self, within_s: float) -> Envelope:
        """One ping and its answer. Raises Fault timeout, and as `ask`."""
        answer = self.ping(within_s)
        wait([answer], within_s)
        if not answer.done():
            answer.cancel()
            raise Fault("timeout", "the broker did not answer")
        return answer.result()

    def end(self) -> None:
        """Fails what waits and ends the link. Twice is once."""
        with self._closing:
            was_open, self._phase = self._phase == "open", "closed"
        if was_open:
            closed = Fault("going-away", "this agent was closed")
            self._pending.close(closed)
            self._replays.close(closed)
        self._link.close()

    def _fail(self, fault: Fault) -> None:
        with self._closing:
            if self._phase == "closed":
                return
            self._phase, self._end_reason = "closed", fault
        _log.error("%s: no longer connected: %s", self.name, fault)
        self._pending.close(fault)
        self._replays.close(fault)
        self._failed(fault)

    def _unsent(self, message_id: str, sent: "Future[None]") -> None:
        error = None if sent.cancelled() else sent.exception()
        if error is not None:
            self._pending.fail(message_id, error)

    def ready(self, has_token: bool) -> None:
        """
        Begins to hear, and repeats a ping under one id until its answer comes back: both sockets work, the broker knows the name.
        Raises Fault unavailable, unauthenticated, conflict (another program has the name), and whatever the broker says; the link is ended then.
        """
        try:
            self._link.subscribe(self.name)
            pong = self._first_round_trip(has_token)
            if self.options.exclusive:
                self._must_be_alone(pong)
        except BaseException:
            self.end()
            raise

    def _first_round_trip(self, has_token: bool) -> Envelope:
        self._first_ping = message_id = str(uuid.uuid4())
        answer = self._pending.wait(message_id, BROKER)
        end = time.monotonic() + self.options.ready_timeout_s
        while time.monotonic() < end and not answer.done():
            sent = self.publish(BROKER, "request", self._ping(), message_id=message_id, is_wanted=lambda: not answer.done())
            either: List[Future[Any]] = [answer, sent]
            wait(either, max(0.0, end - time.monotonic()), FIRST_COMPLETED)
            if sent.done() and not answer.done():
                sent.result()
                wait([answer], _PING_S)
        self._first_ping = None
        if not answer.done():
            answer.cancel()
            raise self._not_ready(has_token)
        return answer.result()

    def _must_be_alone(self, pong: Envelope) -> None:
        """
        Waits for a while until no other program is connected under the name, as while one is started again, unless this one came first: of several
        that start at one moment one stays. Raises Fault conflict.
        """
        end = time.monotonic() + _LEAVE_S
        while _is_second(pong):
            if time.monotonic() >= end:
                raise Fault(
                    "conflict",
                    f"another program is connected as {self.name}, and both would do the same work: stop it, choose another name, "
                    "or connect with AgentOptions(exclusive=False) if they are to share this one",
                )
            time.sleep(_LOOK_S)
            pong = self._round_trip(self.options.ready_timeout_s)

    def _not_ready(self, has_token: bool) -> Fault:
        if not self._link.is_connected:
            return nobody_there(self._link.doors)
        # It takes what we say and we hear nothing: the name is not ours to hear.
        owner = f"it may have an owner: connect with its token (broker token {self.name}), or choose another name"
        why = f"the token may not be its ZeroMQ token (broker token {self.name})" if has_token else owner
        return Fault("unauthenticated", f"the broker does not let {self.name} hear what is for it; {why}; the broker's log says more")


def _is_second(pong: Envelope) -> bool:
    """True if another connection had the name first, as the broker says; also if it does not say which was first."""
    data: Mapping[str, Any] = pong.data if isinstance(pong.data, dict) else {}
    connections = data.get("connections")
    return isinstance(connections, int) and connections > 1 and data.get("place") != 1


def _is_refusal(message: Message, name: str) -> bool:
    """True where the broker says that somebody else has the name: it sleeps until it is free."""
    if message.sender != BROKER or message.kind != "fault" or not isinstance(message.data, dict):
        return False
    return bool(message.data.get("subscription") == name)


def _is_pong(message: Message) -> bool:
    """The broker's answer to a ping: there may be several to one, and those that another program of the same name asked for."""
    return message.sender == BROKER and isinstance(message, Response) and message.kind == _PING


def _whole_ms(wait_s: float) -> int:
    """Milliseconds, rounded up; the most that every reader of JSON takes for a whole number, for what is longer."""
    return WHOLE_MAX if wait_s * 1_000 >= WHOLE_MAX else math.ceil(wait_s * 1_000)
