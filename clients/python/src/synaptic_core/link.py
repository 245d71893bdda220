"""Two libzmq sockets and the one thread that owns them: sockets are not thread-safe, so everybody else leaves orders in a queue."""
from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Callable, Deque, Optional, Set

import zmq

from .doors import Doors
from .fault import Fault
from .futures import settle

_log = logging.getLogger("synaptic_core")
_SUBSCRIBED = 1  # the first byte of a subscription, as XPUB tells it
_READ_AT_ONCE = 1_000


@dataclass(frozen=True)
class _Outgoing:
    topic: bytes
    payload: bytes
    end: float  # monotonic seconds
    is_wanted: Callable[[], bool]
    sent: "Future[None]" = field(default_factory=Future)


class Link:
    """
    It publishes through XPUB without dropping: a full queue is waited for, and the broker's subscription tells when there is somebody to send to.
    A plain PUB drops in silence before that.
    """

    def __init__(self, doors: Doors, name: str, token: Optional[str], heard: Callable[[str, bytes], None], outgoing_max: int) -> None:
        self._doors = doors
        self._heard = heard
        self._outgoing_max = outgoing_max
        # bound: outgoing_max · evicts: one more is refused as slow-consumer · owner: Link
        self._outgoing: Deque[_Outgoing] = deque()
        # bound: outgoing_max, and what the application subscribes to · evicts: see _outgoing · owner: Link
        self._orders: Deque[Callable[[], None]] = deque()
        # bound: what the application subscribes to · owner: Link
        self._topics: Set[bytes] = set()
        self._phase = "open"
        self._lock = threading.Lock()
        self._is_full = False
        self.is_connected = False  #: the broker has been reached
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._context = zmq.Context()
        self._sub = self._context.socket(zmq.SUB)
        self._pub = self._context.socket(zmq.XPUB)
        for each in (self._sub, self._pub):
            each.linger = 0
            if token is not None:
                each.plain_username, each.plain_password = name.encode(), token.encode()
        if token is None:
            self._sub.setsockopt(zmq.METADATA, f"X-Agent:{name}".encode())
        self._sub.setsockopt(zmq.RCVHWM, 0)
        self._pub.setsockopt(zmq.XPUB_NODROP, 1)
        self._pub.setsockopt(zmq.XPUB_VERBOSE, 1)  # the same subscription is told again after a reconnect
        self._thread = threading.Thread(target=self._run, name=f"synaptic_core {name}", daemon=True)

    def open(self) -> None:
        """Connects and starts to listen. Raises Fault malformed for what is no address."""
        try:
            self._sub.connect(self._doors.zmq_out)
            self._pub.connect(self._doors.zmq_in)
        except zmq.ZMQError as error:
            self._end()
            raise Fault("malformed", f"{self._doors.zmq_in} and {self._doors.zmq_out} cannot be connected to: {error}") from error
        self._thread.start()

    def subscribe(self, topic: str) -> None:
        """Hears a topic from now on."""
        self._order(lambda: self._change(topic.encode(), True))

    def unsubscribe(self, topic: str) -> None:
        self._order(lambda: self._change(topic.encode(), False))

    def publish(self, topic: str, payload: bytes, timeout_s: float, is_wanted: Callable[[], bool] = lambda: True) -> "Future[None]":
        """
        Publishes in order of the calls; done when libzmq has taken it. While it waits for its turn `is_wanted` may call it off.
        Fails with Fault unavailable (no broker), slow-consumer (the queue stays full), going-away, timeout (called off).
        """
        outgoing = _Outgoing(topic.encode(), payload, time.monotonic() + timeout_s, is_wanted)
        if len(self._outgoing) + len(self._orders) >= self._outgoing_max:
            settle(outgoing.sent, Fault("slow-consumer", f"{self._outgoing_max} messages wait to be sent already: send less"))
        elif not self._order(lambda: self._outgoing.append(outgoing)):
            settle(outgoing.sent, Fault("going-away", "this agent is closed"))
        return outgoing.sent

    def close(self) -> None:
        """Ends the thread and its sockets; what has not been sent fails."""
        with self._lock:
            was_open, self._phase = self._phase == "open", "closed"
        if was_open:
            self._wake()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _order(self, order: Callable[[], None]) -> bool:
        with self._lock:  # so that nothing is ordered of a thread that has ended
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
        for each in (self._sub, self._pub, self._wake_out):
            poller.register(each, zmq.POLLIN)
        try:
            while self._phase == "open":
                ready = dict(poller.poll(self._patience_ms()))
                if self._wake_out.fileno() in ready:
                    self._wake_out.recv(4_096)
                while self._orders:
                    self._orders.popleft()()
                if self._pub in ready:
                    self._watch()
                if self._sub in ready:
                    self._listen()
                self._send()
        except Exception:
            _log.exception("the connection to the broker failed")
        finally:
            self._end()

    def _patience_ms(self) -> Optional[int]:
        if not self._outgoing:
            return None
        if self.is_connected and self._is_full:
            return 1  # libzmq does not tell when a full XPUB has room again
        return 20

    def _change(self, topic: bytes, is_wanted: bool) -> None:
        if (topic in self._topics) == is_wanted:
            return  # libzmq counts, agents do not
        if is_wanted:
            self._topics.add(topic)
            self._sub.subscribe(topic)
        else:
            self._topics.discard(topic)
            self._sub.unsubscribe(topic)

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
            return Fault("unavailable", f"no broker answers at {self._doors.zmq_in}; start one with: broker start")
        return Fault("slow-consumer", "the broker does not take messages fast enough; send less, or wait longer (publish_timeout_s)")

    def _end(self) -> None:
        with self._lock:
            self._phase = "closed"
        while self._orders:
            self._orders.popleft()()  # what was ordered last is refused with the rest
        while self._outgoing:
            settle(self._outgoing.popleft().sent, Fault("going-away", "this agent is closed"))
        self._sub.close(0)
        self._pub.close(0)
        self._context.term()
        self._wake_in.close()
        self._wake_out.close()
