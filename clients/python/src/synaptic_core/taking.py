"""Takes messages out of an agent's mailbox, and keeps them leased until they are settled."""
from __future__ import annotations

import asyncio
import logging
import time
import uuid
from typing import Any, Callable, Coroutine, Dict, List, Optional, Sequence, Set, Tuple

from .envelope import Envelope, Message
from .fault import Fault
from .listed import Cursor
from .mail_answers import Held, page_of, status_of, taken_of
from .mail_line import Line
from .mailbox_options import TakeSettings
from .settlements import GIVE_BACK, Settlements, Verdict

_log = logging.getLogger("synaptic_core")

_PEEK_MAX = 100
_IN_HAND_MAX = 1_000  # a later look for lost ones knows no more of them
_LATE_MAX = 8  # questions whose late answers are still taken
_ANSWER_S = 5.0  # how long an answer may be late
_PAUSE_S = 0.05  # between two questions: a broker answers 50 a second
_LAST_ANSWER_S = 1.0  # how long a closing agent waits for the answer to its last question


class Taking:
    """
    One question at a time. No message is here twice: one that is delivered again while it is here has only a new lease. Lives in the mailbox's thread.
    `is_awaited` takes what somebody here waits for, an answer or a receipt; `changed` is called when there is something new in `waiting`, or room for more.
    """

    def __init__(self, name: str, is_alone: bool, line: Line, is_awaited: Callable[[Message], bool], changed: Callable[[], None]) -> None:
        """`is_alone`: no other program has this name, so that what is leased to it is here, or lost."""
        self._name = name
        self._is_alone = is_alone
        self._line = line
        self._is_awaited = is_awaited
        self._changed = changed
        self.settlements = Settlements(line)
        #: Messages that nobody has yet, in the order in which they came.
        # bound: batch for handlers, inbox_max without · evicts: when they are begun, or given back · owner: Taking
        self.waiting: List[Held] = []
        # bound: batch for handlers, inbox_max without · evicts: when the broker knows what became of it · owner: Taking
        self._held: Dict[str, Held] = {}
        # Deliveries that whoever reads the mailbox has in hand.
        # bound: _IN_HAND_MAX · evicts: when it is settled, the oldest first · owner: Taking
        self._in_hand: Dict[str, None] = {}
        self._is_in_doubt = False  # the answer to a question may be lost, and with it what it brought
        self._asked: Tuple[str, ...] = ()  # ids of the last questions; read by the link's thread, too
        self._asking: "Optional[asyncio.Task[None]]" = None
        self._extending: "Optional[asyncio.Task[None]]" = None
        # bound: what it does at once: one for each message that is settled · evicts: when it is done · owner: Taking
        self._under_way: "Set[asyncio.Task[Any]]" = set()
        # bound: batch for handlers, inbox_max without · evicts: when the broker has it · owner: Taking
        self._given_back: "List[asyncio.Task[Any]]" = []
        self._has_given_back = False
        self._last = 0.0
        self._lease_ms = TakeSettings.lease_ms
        self.phase = "open"  # then closing: nothing is taken; then closed

    @property
    def lines(self) -> int:
        """How often the line to the broker was made anew."""
        return self._line.count

    @property
    def is_asking(self) -> bool:
        """A question is on its way."""
        return self._asking is not None

    @property
    def size(self) -> int:
        """Messages that are held, settled ones of which the broker does not know yet among them."""
        return len(self._held)

    async def ask(self, most: int, settings: TakeSettings) -> None:
        """
        Asks for messages once, unless a question is on its way; they come into `waiting`. Ends when it is answered.
        Raises Fault of what stays so: forbidden, not-found (there is no box).
        """
        if self._asking is None:
            if self.phase != "open":
                return
            self._lease_ms = settings.lease_ms
            self._asking = asyncio.get_running_loop().create_task(self._ask(most, settings))
            self._asking.add_done_callback(self._has_asked)
        await asyncio.shield(self._asking)

    def awaits(self, message: Message) -> bool:
        """True for the late answer to a question of before: then `late` takes it. For the link's thread."""
        return message.in_reply_to in self._asked

    def late(self, answer: Envelope) -> None:
        """Takes the late answer to a question of before."""
        if answer.in_reply_to is not None:
            self._admit(answer.in_reply_to, answer)

    async def settle(self, held: Held, verdict: Verdict) -> str:
        """Tells the broker what becomes of a message; it is held until the broker knows. Raises nothing."""
        held.phase = "settling"
        try:
            return await self.settlements.settle(held.delivery_id, verdict)
        except Fault as fault:
            _log.error("%s: a message of the mailbox could not be settled (%s): %s", self._name, held.message.message_id, fault)
            return "unknown"
        finally:
            self._in_hand.pop(held.delivery_id, None)
            self.forget(held)
            if verdict.kind == "release" and held.again is not None:
                self._hold([held.again])

    def forget(self, held: Held) -> None:
        """It is not held any more, whatever becomes of it."""
        self._held.pop(held.delivery_id, None)
        if not self._held and self._extending is not None:
            self._extending.cancel()
            self._extending = None
        self._changed()

    def is_held(self, delivery_id: str) -> bool:
        """True for a message that is here."""
        return delivery_id in self._held

    async def give_back(self, these: Sequence[Held] = ()) -> None:
        """Gives these messages back, and those that nobody has yet: they can be taken again at once. Ends when the broker has all of them."""
        given, self.waiting = [*these, *self.waiting], []
        for held in given:
            held.phase = "settling"
        mine = [self.start(self.settle(held, GIVE_BACK)) for held in given]
        self._given_back = [*(one for one in self._given_back if not one.done()), *mine]
        self._has_given_back = self._has_given_back or bool(given)
        if self._given_back:
            await asyncio.wait(self._given_back)

    def hand(self, held: Held) -> None:
        """Whoever asked for it has it from now on, until it is settled."""
        self._in_hand[held.delivery_id] = None
        if len(self._in_hand) > _IN_HAND_MAX:
            del self._in_hand[next(iter(self._in_hand))]
        self.forget(held)

    async def settle_in_hand(self, delivery_id: str, verdict: Verdict) -> str:
        """The same as `settle`, of what somebody has in hand. Raises Fault forbidden, not-found, going-away."""
        state = await self.settlements.settle(delivery_id, verdict)
        if verdict.kind != "extend":
            self._in_hand.pop(delivery_id, None)
        return state

    async def take_back(self, leased: int) -> None:
        """Frees what is leased to this name and not here: a program of this name was killed, or an answer was lost with its line. Not where others may have it. Raises Fault."""
        after: Optional[Cursor] = None
        while self._is_alone and leased > 0:
            wanted: Dict[str, Any] = {} if after is None else {"after": {"epoch": after.epoch, "seq": after.seq}}
            page = page_of(await self._line.ask("mailbox.peek", {**wanted, "max": _PEEK_MAX}, _ANSWER_S), self._name)
            ids = [one.message.marks["delivery_id"] for one in page.messages if one.state == "leased" and "delivery_id" in one.message.marks]
            lost = [one for one in ids if one not in self._held and one not in self._in_hand]
            await asyncio.gather(*(self.settlements.settle(one, GIVE_BACK) for one in lost))
            if page.next == after:
                return
            leased, after = leased - len(ids), page.next

    async def _look_for_lost(self) -> None:
        if self._is_in_doubt and self._is_alone:
            await self.take_back(status_of(await self._line.ask("mailbox.status", {}, _ANSWER_S)).leased)
        self._is_in_doubt = False

    def stop(self) -> None:
        """Takes nothing more: what still comes is given back."""
        self.phase = "closing"

    async def drain(self) -> None:
        """Waits until the broker has all that was given back. A question that waits gets it at once: then it goes back again."""
        if self._asking is not None and self._has_given_back:
            await asyncio.wait([self._asking], timeout=_LAST_ANSWER_S)
        while self.waiting or any(not one.done() for one in self._given_back):
            await self.give_back()  # some of it may come before the broker says that it was given back

    def close(self) -> None:
        """The line is closed."""
        self.phase = "closed"
        for task in (self._asking, self._extending):
            if task is not None:
                task.cancel()
        self.settlements.close()

    def start(self, work: "Coroutine[Any, Any, Any]") -> "asyncio.Task[Any]":
        """Does something that nobody waits for; what fails is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._under_way.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s: a message of the mailbox failed", self._name, exc_info=task.exception())

    def _has_asked(self, task: "asyncio.Task[None]") -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # it is told to whoever has asked
        self._changed()

    async def _ask(self, most: int, settings: TakeSettings) -> None:
        wanted = {"max": most, "wait_ms": settings.wait_ms, "lease_ms": settings.lease_ms}
        if settings.max_tokens is not None:
            wanted["max_tokens"] = settings.max_tokens
        while True:
            await self._line.sleep(self._last + _PAUSE_S - time.monotonic())
            if self.phase != "open":
                return
            try:
                await self._look_for_lost()
                message_id = str(uuid.uuid4())
                self._asked = (*self._asked[1 - _LATE_MAX :], message_id)
                self._last = time.monotonic()
                answer = await self._line.ask("mailbox.take", wanted, settings.wait_ms / 1_000 + _ANSWER_S, message_id)
                self._admit(message_id, answer)
                return
            except Fault as fault:
                if self.phase != "open":
                    return
                self._is_in_doubt = self._is_in_doubt or fault.code == "timeout"
                await self._line.again(fault)

    def _admit(self, message_id: str, answer: Envelope) -> None:
        if message_id not in self._asked:
            return  # the broker has answered twice
        self._asked = tuple(one for one in self._asked if one != message_id)
        self._hold(taken_of(answer, self._name))

    def _hold(self, taken: List[Held]) -> None:
        for held in taken:
            known = self._held.get(held.delivery_id)
            if known is not None:
                # It is here, and the delivery has made its lease new; or it was given back.
                if known.phase == "settling":
                    known.again = held
                continue
            self._held[held.delivery_id] = held
            if self._is_awaited(held.message):
                self.start(self.settle(held, Verdict("done")))
            else:
                self.waiting.append(held)
        if self._held and self._extending is None and self.phase != "closed":
            self._extending = asyncio.get_running_loop().create_task(self._extend())
        if self.phase != "open":
            self.start(self.give_back())
        self._changed()

    async def _extend(self) -> None:
        """Makes the leases of all that is held new. What the broker has not leased any more, and nobody has begun, is gone."""
        while True:
            await asyncio.sleep(self._lease_ms / 3_000)
            await asyncio.gather(*(self._extended(held) for held in list(self._held.values()) if held.phase != "settling"))

    async def _extended(self, held: Held) -> None:
        try:
            state = await self.settlements.settle(held.delivery_id, Verdict("extend", lease_ms=self._lease_ms))
        except Fault as fault:
            _log.warning("%s: a lease could not be extended: %s", self._name, fault)
            return
        if state != "leased" and held.phase == "waiting":
            self.waiting = [one for one in self.waiting if one is not held]
            self.forget(held)
