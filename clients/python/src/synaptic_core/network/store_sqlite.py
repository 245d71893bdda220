"""The store of a file: SQLite of the standard library, one thread, many changes in one commit."""
from __future__ import annotations

import asyncio
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List, Optional, Sequence, Tuple

from ..fault import Fault
from .store import Change, Drop, Put, Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (seq INTEGER PRIMARY KEY AUTOINCREMENT, tbl TEXT NOT NULL, grp BLOB NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL, UNIQUE (tbl, name));
CREATE INDEX IF NOT EXISTS groups ON records (tbl, grp, seq);
"""


class SqliteStore:
    """A file that one program uses at a time. Made readable for its owner only."""

    is_durable = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "synaptic-core-store")
        self._base: Optional[sqlite3.Connection] = None
        self._is_closed = False
        self._asked: List[Tuple[Sequence[Change], "asyncio.Future[None]"]] = []
        self._writing: "Optional[asyncio.Task[None]]" = None

    @classmethod
    async def open(cls, path: str) -> SqliteStore:
        """Raises Fault conflict where another program has it, unavailable where it cannot be opened."""
        store = cls(path)
        try:
            await store._in_thread(store._open)
        except BaseException as failed:
            store._thread.shutdown(wait=False)
            if isinstance(failed, sqlite3.OperationalError) and "locked" in str(failed):
                raise Fault("conflict", f"another program uses {path}: end it, or give this agent a store of its own") from failed
            if isinstance(failed, (sqlite3.Error, OSError)):
                raise Fault("unavailable", f"{path} cannot be opened ({failed}): is its folder there, and is it yours? If it is damaged, take the last copy") from failed
            raise
        return store

    async def read(self, table: str) -> List[Record]:
        rows = await self._in_thread(lambda: self._used().execute("SELECT name, value FROM records WHERE tbl = ? ORDER BY seq", (table,)).fetchall())
        return [(bytes(name), bytes(value)) for name, value in rows]

    async def has(self, table: str, name: bytes) -> bool:
        found = await self._in_thread(lambda: self._used().execute("SELECT 1 FROM records WHERE tbl = ? AND name = ?", (table, name)).fetchone())
        return found is not None

    async def commit(self, changes: Sequence[Change]) -> None:
        done: "asyncio.Future[None]" = asyncio.get_running_loop().create_future()
        self._asked.append((changes, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await asyncio.shield(done)

    async def close(self) -> None:
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])
        if not self._is_closed:
            closing = self._in_thread(self._close)
            self._is_closed = True
            await closing
            self._thread.shutdown(wait=True)

    async def _write(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                await self._in_thread(lambda: self._apply([change for changes, _ in asked for change in changes]))
            except Exception as failed:
                fault = Fault("unavailable", f"{self._path} cannot be written ({failed}): is there room on the disk?")
                for _, done in asked:
                    if not done.done():
                        done.set_exception(fault)
                        done.exception()  # whoever waits hears it; nobody has to
            else:
                for _, done in asked:
                    if not done.done():
                        done.set_result(None)

    def _open(self) -> None:
        path = Path(self._path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        base = sqlite3.connect(self._path, timeout=0.5, isolation_level=None, check_same_thread=False)
        try:
            for said in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                base.execute(f"PRAGMA {said}")
            base.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")
        except BaseException:
            base.close()
            raise
        self._base = base

    def _apply(self, changes: Sequence[Change]) -> None:
        base = self._used()
        base.execute("BEGIN IMMEDIATE")
        try:
            for change in changes:
                _apply_one(base, change)
            base.execute("COMMIT")
        except BaseException:
            base.execute("ROLLBACK")
            raise

    def _close(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None

    def _used(self) -> sqlite3.Connection:
        if self._base is None:
            raise Fault("unavailable", f"{self._path} is closed")
        return self._base

    def _in_thread(self, work: Any) -> "asyncio.Future[Any]":
        if self._is_closed:
            raise Fault("unavailable", f"{self._path} is closed")
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _apply_one(base: sqlite3.Connection, change: Change) -> None:
    if isinstance(change, Put):
        base.execute(
            "INSERT INTO records (tbl, grp, name, value) VALUES (?, ?, ?, ?) ON CONFLICT (tbl, name) DO UPDATE SET grp = excluded.grp, value = excluded.value",
            (change.table, change.group, change.name, change.value),
        )
    elif isinstance(change, Drop):
        base.execute("DELETE FROM records WHERE tbl = ? AND name = ?", (change.table, change.name))
    else:
        base.execute(
            "DELETE FROM records WHERE tbl = ?1 AND grp = ?2 AND seq <= (SELECT seq FROM records WHERE tbl = ?1 AND grp = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
            (change.table, change.group, change.keep),
        )
