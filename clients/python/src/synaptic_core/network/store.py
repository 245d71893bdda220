"""Where records lie: the interface, and the store that ends with the process."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Protocol, Sequence, Tuple, Union


@dataclass(frozen=True)
class Put:
    """Writes a record, or replaces it where it stands."""

    table: str
    name: bytes
    value: bytes
    group: bytes = b""


@dataclass(frozen=True)
class Drop:
    table: str
    name: bytes


@dataclass(frozen=True)
class Trim:
    """Drops the oldest records of a group but for the last `keep`."""

    table: str
    group: bytes
    keep: int


Change = Union[Put, Drop, Trim]
Record = Tuple[bytes, bytes]


class Store(Protocol):
    """Records by table and name, in the order in which they were written first."""

    is_durable: bool

    async def read(self, table: str) -> List[Record]:
        """Every record of a table, the oldest first."""

    async def has(self, table: str, name: bytes) -> bool: ...

    async def commit(self, changes: Sequence[Change]) -> None:
        """All of them or none; on disk, where there is one, when it returns."""

    async def close(self) -> None: ...


class MemoryStore:
    """
    Complete, and gone with the process.

    bound: what Trim and the callers keep · owner: the agent
    """

    is_durable = False

    def __init__(self) -> None:
        self._tables: Dict[str, Dict[bytes, Tuple[bytes, bytes]]] = {}
        self._groups: Dict[Tuple[str, bytes], Dict[bytes, None]] = {}

    async def read(self, table: str) -> List[Record]:
        return [(name, value) for name, (_, value) in self._tables.get(table, {}).items()]

    async def has(self, table: str, name: bytes) -> bool:
        return name in self._tables.get(table, {})

    async def commit(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, Put):
                self._tables.setdefault(change.table, {})[change.name] = (change.group, change.value)
                self._groups.setdefault((change.table, change.group), {})[change.name] = None
            elif isinstance(change, Drop):
                self._drop(change.table, change.name)
            else:
                group = self._groups.get((change.table, change.group), {})
                for name in list(group)[: max(0, len(group) - change.keep)]:
                    self._drop(change.table, name)

    async def close(self) -> None:
        self._tables.clear()
        self._groups.clear()

    def _drop(self, table: str, name: bytes) -> None:
        group, _ = self._tables.get(table, {}).pop(name, (b"", b""))
        names = self._groups.get((table, group), {})
        names.pop(name, None)
        if not names:
            self._groups.pop((table, group), None)
