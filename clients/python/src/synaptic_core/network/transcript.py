"""What was said and heard: told at once, and kept encrypted (Agent Network §14.3)."""
from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, Deque, List, Mapping, Optional, Tuple

from .canonical import canonical
from .vault import Vault

_TABLE = "transcript"
_log = logging.getLogger("synaptic_core.network")


@dataclass(frozen=True)
class TranscriptEntry:
    """`direction`: said or heard. `at` is this machine's time, in milliseconds since 1970."""

    at: int
    direction: str
    peer: str
    type: str
    message_id: str
    conversation_id: str
    content: Mapping[str, Any]
    is_sealed: bool
    is_verified: bool


class Transcript:
    """
    bound: `most` entries, `most_bytes` of their JSON · evicts: the oldest · owner: the agent
    """

    def __init__(self, vault: Vault, most: int, most_bytes: int, is_kept: bool) -> None:
        self._vault, self._most, self._most_bytes, self._is_kept = vault, most, most_bytes, is_kept
        self._sizes: Deque[Tuple[str, int]] = deque()
        self._bytes = 0
        self._seq = 0
        self.listeners: List[Callable[[TranscriptEntry], None]] = []

    async def open(self) -> None:
        for value in await self._vault.read(_TABLE) if self._is_kept else []:
            self._seq = max(self._seq, value["seq"])
            self._size(str(value["seq"]), len(canonical(value)))

    async def add(self, entry: TranscriptEntry) -> None:
        """Raises Fault unavailable where it cannot be kept."""
        for listener in self.listeners:
            try:
                listener(entry)
            except Exception:
                _log.exception("a listener of the transcript failed")
        if not self._is_kept:
            return
        self._seq += 1
        name, value = str(self._seq), {"seq": self._seq, **entry.__dict__}
        changes = [self._vault.put(_TABLE, name, value)]
        self._size(name, len(canonical(value)))
        while len(self._sizes) > self._most or self._bytes > self._most_bytes and len(self._sizes) > 1:
            oldest, size = self._sizes.popleft()
            self._bytes -= size
            changes.append(self._vault.drop(_TABLE, oldest))
        await self._vault.commit(*changes)

    async def read(self, peer: Optional[str] = None, limit: int = 100) -> List[TranscriptEntry]:
        """The last `limit` entries, of one peer or of all, the oldest first."""
        values = await self._vault.read(_TABLE) if self._is_kept else []
        found = [TranscriptEntry(**{name: one for name, one in value.items() if name != "seq"}) for value in values if peer is None or value["peer"] == peer]
        return found[-limit:] if limit > 0 else []

    def _size(self, name: str, size: int) -> None:
        self._sizes.append((name, size))
        self._bytes += size
