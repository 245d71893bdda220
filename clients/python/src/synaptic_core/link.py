"""Two libzmq sockets and the one thread that owns them: sockets are not thread-safe, so everybody else leaves orders in a queue."""
from __future__ import annotations

import logging
import math
import socket
import threading
import time
import uuid
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Callable, Deque, Optional, Set, Union

import zmq
from zmq.utils.monitor import recv_monitor_message

from .doors import Doors, nobody_there
from .fault import Fault
from .futures import settle
from .options import AgentOptions

_log = logging.getLogger("synaptic_core")
_SUBSCRIBED = 1  # the first byte of a subscription, as XPUB tells it
_READ_AT_ONCE = 1_000
_SILENT_MAX_S = 3_600
#: libzmq never comes back after one of these.
_REFUSED = zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
_WATCHED = _REFUSED | zmq.EVENT_HANDSHAKE_SUCCEEDED


@dataclass(frozen=True)
class _Outgoing:
    topic: bytes
    payload: bytes
    end: float  # monotonic seconds
    is_wanted: Callable[[], bool]
    sent: "Future[None]" = field(default_factory=Future)


@dataclass(frozen=True)
class _Subscription:
    topic: bytes
    is_wanted: bool


class Link:
    """
    It publishes through XPUB without dropping: a full queue is waited for, and the broker's subscription tells when there is somebody to send to.
    A plain PUB drops in silence before that. `failed` is told, in its thread, why it ended if nobody closed it.
    """

    def __init__(self, doors: Doors, name: str, token: Optional[str], heard: Callable[[str, bytes], None], failed: Callable[[Fault], None], options: AgentOptions) -> None:
        """Raises Fault malformed: a token that is no text in UTF-8, a `silent_s` that is no time."""
        plain = None if token is None else (_bytes_of(name, "name"), _bytes_of(token, "token"))
        silent_ms = _silent_ms(options.silent_s)
        self.doors = doors
        self._name = name
        self.instance = str(uuid.uuid4())  #: which of the programs under the name it is
        self._has_token = token is not None
        self._heard = heard
        self._failed = failed
        self._outgoing_max = options.outgoing_max
        # bound: outgoing_max · evicts: one more is refused as slow-consumer · owner: Link
        self._outgoing: Deque[_Outgoing] = deque()
        # bound: outgoing_max, and what the application subscribes to · evicts: see _outgoing · owner: Link
        self._orders: Deque[Union[_Outgoing, _Subscription]] = deque()
        # bound: what the application subscribes to · owner: Link
        self._topics: Set[bytes] = set()
        self._phase = "open"
        self._end_reason = Fault("going-away", "this agent is closed")
        self._lock = threading.Lock()
        self._is_full = False
        self.is_connected = False  #: the broker has been reached
        self.reached: Callable[[], None] = lambda: None  #: called in its thread when one of the sockets has reached the broker, again, too
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._context = zmq.Context()
        self._sub = self._context.socket(zmq.SUB)
        self._pub = self._context.socket(zmq.XPUB)
        for each in (self._sub, self._pub):
            each.linger = 0
            # Both sockets are always read, so that an answer to libzmq's PING (RFC 37) is never left behind a full queue.
            each.heartbeat_ivl = each.heartbeat_timeout = silent_ms
            if plain is not None:
                each.plain_username, each.plain_password = plain
        if plain is None:
            self._sub.setsockopt(zmq.METADATA, f"X-Agent:{name}".encode())
        self._sub.setsockopt(zmq.METADATA, f"X-Instance:{self.instance}".encode())
        self._sub.setsockopt(zmq.RCVHWM, 0)
        self._pub.setsockopt(zmq.XPUB_NODROP, 1)
        self._pub.setsockopt(zmq.XPUB_VERBOSE, 1)  # the same subscription is told again after a reconnect
        self._monitor = self._sub.get_monitor_socket(_WATCHED)
        self._thread = threading.Thread(target=self._run, name=f"synaptic_core {name}", daemon=True)

    def open(self) -> None:
        """Connects and starts to listen. Raises Fault malformed for what is no address."""
        try:
            self._sub.connect(self.doors.zmq_out)
            self._pub.connect(self.doors.zmq_in)
        except zmq.ZMQError as error:
            self._end()
            raise Fault("malformed", f"{self.doors.zmq_in} and {self.doors.zmq_out} cannot be connected to: {error}") from error
        self._thread.start()

    def subscribe(self, topic: str) -> bool:
        """Hears a topic from now on. False if it does already. Raises Fault malformed."""
        return self._change(_bytes_of(topic, "topic"), True)

    def unsubscribe(self, topic: str) -> bool:
        """False if it was not heard. Raises Fault malformed."""
        return self._change(_bytes_of(topic, "topic"), False)

    def publish(self, topic: str, payload: bytes, timeout_s: float, is_wanted: Callable[[], bool] = lambda: True) -> "Future[None]":
        """
        Publishes in order of the calls; done when libzmq has taken it. While it waits for its turn `is_wanted` may call it off.
        Raises Fault malformed: the topic. Fails with Fault unavailable (no broker), slow-consumer (the queue stays full), going-away,
        timeout (called off), and why the link ended.
        """
        outgoing = _Outgoing(_bytes_of(topic, "topic"), payload, time.monotonic() + timeout_s, is_wanted)
        if len(self._outgoing) + len(self._orders) >= self._outgoing_max:
            settle(outgoing.sent, Fault("slow-consumer", f"{self._outgoing_max} messages wait to be sent already: send less"))
            return outgoing.sent
        with self._lock:
            is_ordered = self._order(outgoing)
        if not is_ordered:
            settle(outgoing.sent, self._end_reason)
        return outgoing.sent

    def close(self) -> None:
        """Ends the thread and its sockets; what has not been sent fails."""
        with self._lock:
            was_open, self._phase = self._phase == "open", "closed"
        if was_open:
            self._wake()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _change(self, topic: bytes, is_wanted: bool) -> bool:
        with self._lock:  # libzmq counts, agents do not
            if (topic in self._topics) == is_wanted:
                return False
            (self._topics.add if is_wanted else self._topics.discard)(topic)
            self._order(_Subscription(topic, is_wanted))
            return True

    def _order(self, order: Union[_Outgoing, _Subscription]) -> bool:
        """With the lock: nothing is ordered of a thread that has ended."""
        if self._phase != "open":
            return False
        self._orders.append(order)
        self._wake()
        return True

    def _wake(self) -> None:
        try:
            self._wake_in.send(b"\0")
        except BlockingIOError:
            return  # it has been woken more often than it has looked
        except OSError:
            if self._phase == "open":
                raise

    # What follows runs in the thread that owns the sockets.

    def _run(self) -> None:
        poller = zmq.Poller()
        for each in (self._sub, self._pub, self._monitor, self._wake_out):
            poller.register(each, zmq.POLLIN)
        try:
            while self._phase == "open":
                ready = dict(poller.poll(self._patience_ms()))
                if self._wake_out.fileno() in ready:
                    self._wake_out.recv(4_096)
                while self._orders:
                    self._obey(self._orders[0])
                    self._orders.popleft()  # not before: what is left when it fails is told so
                if self._monitor in ready:
                    self._shaken()
                if self._pub in ready:
                    self._watch()
                if self._sub in ready:
                    self._listen()
                self._send()
        except Fault as fault:
            self._fail(fault)
        except Exception as error:
            _log.exception("%s: the connection to the broker failed", self._name)
            self._fail(Fault("internal", f"the connection to the broker failed ({error!r}); connect again"))
        finally:
            self._end()

    def _fail(self, fault: Fault) -> None:
        with self._lock:
            if self._phase != "open":
                return  # it was about to end
            self._phase, self._end_reason = "closed", fault
        self._failed(fault)

    def _shaken(self) -> None:
        """A handshake has succeeded, or the broker has ended it for good. Raises Fault unauthenticated, unavailable."""
        if not recv_monitor_message(self._monitor)["event"] & _REFUSED:
            self.reached()
            return
        if self._has_token:
            raise Fault("unauthenticated", f"the broker refused the token of {self._name}; it needs its ZeroMQ token: broker token {self._name}")
        raise Fault("unavailable", f"what answers at {self.doors.zmq_out} refused the connection: it is no broker (broker status), or its log says why")

    def _patience_ms(self) -> Optional[int]:
        if not self._outgoing:
            return None
        if self.is_connected and self._is_full:
            return 1  # libzmq does not tell when a full XPUB has room again
        return 20

    def _obey(self, order: Union[_Outgoing, _Subscription]) -> None:
        if isinstance(order, _Outgoing):
            self._outgoing.append(order)
        elif order.is_wanted:
            self._sub.subscribe(order.topic)
        else:
            self._sub.unsubscribe(order.topic)

    def _watch(self) -> None:
        """The broker wants to hear everything: again after it was away, too."""
        while True:
            try:
                subscription = self._pub.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(subscription) == 1 and subscription[0] == _SUBSCRIBED:
                self.is_connected = True
                _log.info("broker connected")
                self.reached()

    def _listen(self) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                frames = self._sub.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            if len(frames) != 2:
                _log.warning("a message of %d frames was left out", len(frames))
                continue
            try:
                self._heard(frames[0].decode(errors="replace"), frames[1])
            except Exception:
                _log.exception("a message could not be taken")  # the next one can

    def _send(self) -> None:
        self._is_full = False
        while self._outgoing:
            first = self._outgoing[0]
            if not first.is_wanted() or first.sent.cancelled():
                settle(first.sent, Fault("timeout", "it was given up before it could be sent"))
            elif self.is_connected and self._offer(first):
                settle(first.sent, None)
            elif time.monotonic() >= first.end:
                settle(first.sent, self._too_late())
            else:
                return
            self._outgoing.popleft()

    def _offer(self, outgoing: _Outgoing) -> bool:
        try:
            self._pub.send_multipart([outgoing.topic, outgoing.payload], zmq.NOBLOCK)
        except zmq.Again:
            self._is_full = True
            return False
        return True

    def _too_late(self) -> Fault:
        if not self.is_connected:
            return nobody_there(self.doors)
        return Fault("slow-consumer", "the broker does not take messages fast enough; send less, or wait longer (publish_timeout_s)")

    def _end(self) -> None:
        with self._lock:
            self._phase = "closed"
        for order in [*self._outgoing, *self._orders]:
            if isinstance(order, _Outgoing):
                settle(order.sent, self._end_reason)
        self._outgoing.clear()
        self._orders.clear()
        self._sub.disable_monitor()
        self._monitor.close(0)
        self._sub.close(0)
        self._pub.close(0)
        self._context.term()
        self._wake_in.close()
        self._wake_out.close()


def _silent_ms(silent_s: float) -> int:
    if not 0 <= silent_s <= _SILENT_MAX_S:
        raise Fault("malformed", f"silent_s is {silent_s}; give seconds, 0 (never) to {_SILENT_MAX_S}")
    return math.ceil(silent_s * 1_000)


def _bytes_of(text: str, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Fault("malformed", f"the {what} {text!r} cannot be written in UTF-8: {error.reason}") from error
