"""What the application is told of a message, and what can be awaited."""
from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Callable, Dict, Optional, Set

from ..fault import Fault
from .lane import KEPT, Item
from .vault import Vault

_log = logging.getLogger("synaptic_core.network")


@dataclass(frozen=True)
class DeliveryReport:
    """`state`: kept (it cannot be lost any more), waiting (for its recipient, or a key), sent, delivered, failed."""

    message_id: str
    recipient: str
    state: str
    fault: Optional[Fault] = None  #: of failed: why, with the remedy
    message: Optional[str] = None  #: of waiting: for what


class SentMessage:
    """What was said. `await sent.delivered` returns when its recipient has processed it, and raises the Fault for which it never will."""

    def __init__(self, message_id: str, conversation_id: str, delivered: "asyncio.Future[None]") -> None:
        self.message_id = message_id
        self.conversation_id = conversation_id
        self.delivered = delivered

    def __repr__(self) -> str:
        return f"SentMessage({self.message_id!r})"


class Settled:
    """
    Tells what becomes of messages, and takes those that are over out of the vault.

    bound: what waits · owner: the outbox
    """

    def __init__(self, vault: Vault, tell: Callable[[DeliveryReport], None]) -> None:
        self._vault, self._tell = vault, tell
        self._futures: "Dict[str, asyncio.Future[None]]" = {}
        self._dropping: "Set[asyncio.Future[None]]" = set()

    def expect(self, message_id: str) -> "asyncio.Future[None]":
        """Raises Fault conflict where a message of this id waits."""
        if message_id in self._futures:
            raise Fault("conflict", "a message with this id waits already: take a new one")
        delivered: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        delivered.add_done_callback(_heard)
        self._futures[message_id] = delivered
        return delivered

    def forget(self, message_id: str) -> None:
        self._futures.pop(message_id, None)

    def report(self, item: Item, state: str, message: Optional[str] = None) -> None:
        """Once where it is the same again."""
        if item.told != state or state == "kept":
            item.told = state
            self._tell(DeliveryReport(item.kept.frame.message_id, item.kept.frame.recipient_id, state, message=message))

    def end(self, item: Item, fault: Optional[Fault]) -> None:
        """Delivered, or failed for good."""
        message_id = item.kept.frame.message_id
        dropping = asyncio.ensure_future(self._vault.commit(self._vault.drop(KEPT, message_id)))
        self._dropping.add(dropping)
        dropping.add_done_callback(self._dropped)
        delivered = self._futures.pop(message_id, None)
        if delivered is not None and not delivered.done():
            if fault is None:
                delivered.set_result(None)
            else:
                delivered.set_exception(fault)
        self._tell(DeliveryReport(message_id, item.kept.frame.recipient_id, "delivered" if fault is None else "failed", fault))

    async def close(self) -> None:
        if self._dropping:
            await asyncio.wait(self._dropping)
        what = "it is said when the agent is back" if self._vault.is_durable else "give the agent a passphrase, and what waits is kept on disk"
        for message_id, delivered in self._futures.items():
            if not delivered.done():
                delivered.set_exception(Fault("unavailable", f"the agent was closed before {message_id} was delivered: {what}"))

    def _dropped(self, dropping: "asyncio.Future[None]") -> None:
        self._dropping.discard(dropping)
        if not dropping.cancelled() and dropping.exception() is not None:
            _log.warning("what is over stays in the store, and is said once more after a restart: %s", dropping.exception())


def _heard(delivered: "asyncio.Future[None]") -> None:
    """Nobody has to await it: the report tells as well."""
    if not delivered.cancelled():
        delivered.exception()
