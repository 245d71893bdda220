"""Receipts of what was processed: gathered for a moment, many in one (Agent Network §12.1)."""
from __future__ import annotations

import asyncio
from typing import Callable, Dict, List, Tuple

RECEIPT_IDS_MAX = 100


class Receipts:
    """
    bound: RECEIPT_IDS_MAX ids of each conversation in which something was processed just now · owner: the agent
    """

    def __init__(self, pause_s: float, send: Callable[[str, str, List[str]], None]) -> None:
        self._pause_s, self._send = pause_s, send
        self._gathered: Dict[Tuple[str, str], List[str]] = {}
        self._timers: Dict[Tuple[str, str], asyncio.TimerHandle] = {}

    def processed(self, peer: str, conversation_id: str, message_id: str) -> None:
        key = (peer, conversation_id)
        ids = self._gathered.setdefault(key, [])
        if message_id not in ids:
            ids.append(message_id)
        if len(ids) >= RECEIPT_IDS_MAX:
            self._flush(key)
        elif key not in self._timers:
            self._timers[key] = asyncio.get_running_loop().call_later(self._pause_s, self._flush, key)

    def close(self) -> None:
        """Says what was gathered."""
        for key in list(self._gathered):
            self._flush(key)

    def _flush(self, key: Tuple[str, str]) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        ids = self._gathered.pop(key, [])
        if ids:
            self._send(key[0], key[1], ids)
