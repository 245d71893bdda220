"""Messages whose receipts are awaited."""
from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Dict, Generic, List, Mapping, Optional, Sequence, TypeVar, Union

from .envelope import Inform, Message
from .fault import Fault
from .futures import settle
from .mail_answers import Delivery, Receipt, deliveries_of, receipts_of
from .mail_line import Line
from .names import BROKER
from .pending import fault_of
from .reading import moment

_F = TypeVar("_F")

_ROUND_S = 0.25  # how often those that are due are looked for
_SETTLE_S = 0.5  # how long after a fault, or the end of a line, it is asked what became of a message
_OVERDUE_S = 60.0  # how long after it was to be delivered at most something is still told of it
_AGAIN_S = 1.0  # how long after a failure the state is asked for again
_ANSWER_S = 5.0


class Sent(Generic[_F]):
    """
    A message that was sent, and a future for each state that its sender asked to be told. A future fails with a Fault where that cannot be known: full, unavailable,
    not-found, timeout, going-away when this agent leaves.
    """

    def __init__(self, message_id: str, futures: Mapping[str, _F]) -> None:
        self.message_id = message_id
        self._futures = futures

    @property
    def stored(self) -> _F:
        """Its Receipt: it cannot be lost any more. Raises Fault malformed if that was not asked for."""
        return self._future("stored")

    @property
    def settled(self) -> _F:
        """Its Receipt: it is handled (`state` says how), or nothing will come of it. Raises Fault malformed if that was not asked for."""
        return self._future("settled")

    def _future(self, word: str) -> _F:
        if word not in self._futures:
            raise Fault("malformed", f"nothing is told of {word}: it was not among the receipt words of send")
        return self._futures[word]


@dataclass(eq=False)
class Awaited:
    """A message whose sender waits for receipts."""

    id: str
    to: str
    type: str
    due: float  # when its state is asked for, monotonic seconds
    open: "Dict[str, Future[Receipt]]" = field(default_factory=dict)
    known: Union[None, str, Fault] = None  # what was told of it last: nothing, that it is stored, or that it was refused


class SentMessages:
    """Receipts can be lost with a broker that is killed: where none comes, the broker is asked where the message stands. For any number of threads."""

    def __init__(self, most: int) -> None:
        self._max = most
        self._lock = threading.RLock()
        # bound: pending_max · evicts: one more is refused as full · owner: SentMessages
        self._awaited: Dict[str, Awaited] = {}
        self._is_watched = False

    def begin(self, message_id: str, to: str, kind: str, words: Sequence[str], timeout_s: float) -> "Dict[str, Future[Receipt]]":
        """Awaits receipts of a message that is about to be sent; `timeout_s`: a first word about it. Raises Fault conflict, full."""
        futures: "Dict[str, Future[Receipt]]" = {word: Future() for word in words}
        with self._lock:
            if message_id in self._awaited:
                raise Fault("conflict", f"receipts of a message {message_id} are awaited already; give each message its own message_id")
            if len(self._awaited) >= self._max:
                raise Fault("full", f"receipts of {self._max} messages are awaited already; wait for some of them first, or raise AgentOptions.pending_max")
            if futures:
                self._awaited[message_id] = Awaited(message_id, to, kind, time.monotonic() + timeout_s, dict(futures))
        return futures

    def must_watch(self) -> bool:
        """True for the first who asks while something is awaited and nobody watches: then `watch` is to be run."""
        with self._lock:
            must, self._is_watched = bool(self._awaited) and not self._is_watched, self._is_watched or bool(self._awaited)
            return must

    def fail(self, message_id: str, fault: BaseException) -> None:
        """Nothing will be told of it."""
        with self._lock:
            awaited = self._awaited.pop(message_id, None)
        _end(awaited, fault)

    def take(self, message: Message) -> bool:
        """Takes receipts, and refusals, of messages that are awaited. False if it tells of others, too."""
        if message.sender == BROKER and isinstance(message, Inform) and message.kind == "fault":
            return self._refused(message)
        told = receipts_of(message)
        if told is None:
            return False
        ids, rest = told
        with self._lock:
            found = [self._awaited.get(one) for one in ids]
            for awaited in found:
                if awaited is not None:
                    self._told(awaited, Receipt(id=awaited.id, **rest))
        return len(found) > 0 and None not in found

    def reconnected(self) -> None:
        """The line is made anew: receipts may be lost, so the broker is asked."""
        soon = time.monotonic() + _SETTLE_S
        with self._lock:
            for awaited in self._awaited.values():
                awaited.due = min(awaited.due, soon)

    def close(self, fault: Fault) -> None:
        """Nothing more is told."""
        with self._lock:
            left, self._awaited = list(self._awaited.values()), {}
        for awaited in left:
            _end(awaited, fault)

    async def watch(self, line: Line) -> None:
        """In the mailbox's thread: asks where those stand of which nothing was told in time, one after the other, until nothing is awaited."""
        while True:
            await line.sleep(_ROUND_S)
            now = time.monotonic()
            with self._lock:
                due = [awaited for awaited in self._awaited.values() if awaited.due <= now]
                self._is_watched = bool(self._awaited) and line.is_open
                if not self._is_watched:
                    return
            for awaited in due:
                if awaited.id not in self._awaited:
                    continue
                try:
                    answer = await line.ask("mailbox.state", {"message_id": awaited.id}, _ANSWER_S)
                    self._answered(awaited, deliveries_of(answer))
                except Fault as fault:
                    awaited.due = time.monotonic() + max(_AGAIN_S, (fault.retry_after_ms or 0) / 1_000)
                    break  # the others would hear the same now

    def _refused(self, notice: Message) -> bool:
        with self._lock:
            awaited = self._awaited.get(notice.in_reply_to or "")
            if awaited is None:
                return False
            # What became of a request that was stored is told by a receipt as well; the fault is for who waits for the answer.
            if awaited.known == "stored":
                return awaited.type != "request"
            if awaited.type != "request":
                self.fail(awaited.id, fault_of(notice))
                return True
            awaited.known, awaited.due = fault_of(notice), time.monotonic() + _SETTLE_S
            return True

    def _told(self, awaited: Awaited, receipt: Receipt) -> None:
        """With the lock."""
        awaited.known = "stored"
        awaited.due = (float("inf") if receipt.until is None else _until(receipt.until)) + _OVERDUE_S
        self._keep(awaited, "stored", receipt if receipt.state == "stored" else Receipt(awaited.id, "stored"))
        if receipt.state != "stored":
            self._keep(awaited, "settled", receipt)
        if not awaited.open:
            self._awaited.pop(awaited.id, None)

    def _keep(self, awaited: Awaited, word: str, receipt: Receipt) -> None:
        promised = awaited.open.pop(word, None)
        if promised is not None:
            settle(promised, receipt)

    def _answered(self, awaited: Awaited, deliveries: List[Delivery]) -> None:
        with self._lock:
            if self._awaited.get(awaited.id) is not awaited:
                return
            to, known = awaited.to, awaited.known
            found = next((one for one in deliveries if one.to == to), deliveries[0] if deliveries else None)
            if found is None:
                unknown = Fault("timeout", f"no mailbox has the message, and nothing is known of it: {to} has none, or it did not get there")
                self.fail(awaited.id, known if isinstance(known, Fault) else unknown)
                return
            # A request that was handed over and has no answer yet is not settled.
            is_open = found.state in ("waiting", "leased") or (found.state == "done" and awaited.type == "request")
            if not is_open:
                self._told(awaited, Receipt(awaited.id, found.state, found.reason))
            elif _until(found.until) + _OVERDUE_S > time.monotonic():
                self._told(awaited, Receipt(awaited.id, "stored", until=found.until))
            else:
                self.fail(awaited.id, Fault("timeout", f"nothing was told of the message to {to} until its end; see message_state"))


def overdue_fault(deliveries: List[Delivery]) -> Optional[Fault]:
    """Why a request was not answered in time, where a mailbox has it; None if nothing is known, or it was answered."""
    if not deliveries or deliveries[0].state == "answered":
        return None
    delivery = deliveries[0]
    detail: Dict[str, Any] = {"to": delivery.to, "state": delivery.state, "until": delivery.until}
    detail.update({key: value for key, value in (("reason", delivery.reason), ("away_since", delivery.away_since)) if value is not None})
    if delivery.state == "done":
        words = f"{delivery.to} has it and has not answered in time"
    elif delivery.state in ("waiting", "leased"):
        where = "which has not answered yet" if delivery.away_since is None else f"away since {delivery.away_since}"
        words = f"stored for {delivery.to}, {where}, will be delivered until {delivery.until}"
    else:
        words = f"the request to {delivery.to} is {delivery.state}" + ("" if delivery.reason is None else f": {delivery.reason}")
    return Fault("timeout", words, detail=detail)


def _until(time_text: str) -> float:
    """A wall time as monotonic seconds."""
    at = moment(time_text)
    return float("inf") if at is None else time.monotonic() + (at - datetime.now(timezone.utc)).total_seconds()


def _end(awaited: Optional[Awaited], fault: BaseException) -> None:
    if awaited is not None:
        for promised in awaited.open.values():
            settle(promised, fault)
