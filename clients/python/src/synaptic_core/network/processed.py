"""Which messages were processed, over restarts (Agent Network §12.4)."""
from __future__ import annotations

from collections import OrderedDict
from typing import Tuple

from .vault import Vault

PROCESSED = "processed"  #: the vault's table
PLAIN = "plain\n"  #: before the name of who speaks in plain: anybody can be made up there, so it is remembered in memory only
_RECENT_MAX = 4_096
_TRIM_EVERY = 64


class ProcessedIds:
    """
    Pairs of sender and messageId.

    bound: `most` of a sender in the vault, _RECENT_MAX in memory · evicts: the oldest · owner: the agent
    """

    def __init__(self, vault: Vault, most: int) -> None:
        self._vault, self._most = vault, most
        self._recent: "OrderedDict[Tuple[str, str], None]" = OrderedDict()
        self._added = 0

    async def has(self, sender: str, message_id: str) -> bool:
        return (sender, message_id) in self._recent or not sender.startswith(PLAIN) and await self._vault.has(PROCESSED, f"{sender}\n{message_id}")

    async def add(self, sender: str, message_id: str) -> None:
        """On disk, where there is one, when it returns. Raises Fault unavailable."""
        self._recent[(sender, message_id)] = None
        if len(self._recent) > _RECENT_MAX:
            self._recent.popitem(last=False)
        if sender.startswith(PLAIN):
            return
        changes = [self._vault.mark(PROCESSED, f"{sender}\n{message_id}", sender)]
        self._added += 1
        if self._added % _TRIM_EVERY == 0:
            changes.append(self._vault.trim(PROCESSED, sender, self._most))
        try:
            await self._vault.commit(*changes)
        except BaseException:
            self._recent.pop((sender, message_id), None)
            raise
