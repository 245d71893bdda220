import asyncio
import tempfile
import unittest
from pathlib import Path

from synaptic_core import Fault
from synaptic_core.network.frames import now_ms
from synaptic_core.network.processed import ProcessedIds
from synaptic_core.network.store import Drop, MemoryStore, Put, Trim
from synaptic_core.network.store_sqlite import SqliteStore
from synaptic_core.network.transcript import Transcript, TranscriptEntry
from synaptic_core.network.vault import Vault


class StoreCase(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="synaptic-py-store-")
        self.addCleanup(folder.cleanup)
        self.path = str(Path(folder.name) / "made" / "agent.db")

    async def sqlite(self):
        store = await SqliteStore.open(self.path)
        self.addAsyncCleanup(store.close)
        return store


class Stores(StoreCase):
    async def test_of_both_kinds_behave_alike(self):
        for store in (MemoryStore(), await self.sqlite()):
            with self.subTest(type(store).__name__):
                await store.commit([Put("t", b"a", b"1", b"g"), Put("t", b"b", b"2", b"g"), Put("t", b"c", b"3", b"g"), Put("u", b"a", b"4")])
                await store.commit([Put("t", b"a", b"5", b"g")])
                self.assertEqual(await store.read("t"), [(b"a", b"5"), (b"b", b"2"), (b"c", b"3")], "in its place")
                self.assertEqual((await store.has("t", b"a"), await store.has("t", b"x"), await store.has("v", b"a")), (True, False, False))
                await store.commit([Trim("t", b"g", 2), Trim("t", b"h", 0), Drop("t", b"c"), Drop("t", b"x")])
                self.assertEqual(await store.read("t"), [(b"b", b"2")])
                await store.commit([Trim("t", b"g", 0)])
                self.assertEqual((await store.read("t"), await store.read("u")), ([], [(b"a", b"4")]))

    async def test_on_disk_keep_everything_and_begin_with_the_oldest(self):
        store = await SqliteStore.open(self.path)
        await asyncio.gather(*(store.commit([Put("t", b"%d" % n, b"x")]) for n in range(100)))
        await store.close()
        again = await self.sqlite()
        self.assertEqual([name for name, _ in await again.read("t")], [b"%d" % n for n in range(100)])
        with self.assertRaises(Fault):
            await store.read("t")

    async def test_that_are_damaged_say_so(self):
        Path(self.path).parent.mkdir()
        Path(self.path).write_bytes(b"no database at all" * 100)
        with self.assertRaises(Fault) as damaged:
            await SqliteStore.open(self.path)
        self.assertEqual(damaged.exception.code, "unavailable")


class Vaults(StoreCase):
    async def test_open_by_their_passphrase_only(self):
        store = MemoryStore()
        vault = await Vault.open(store, "one", 1)
        await vault.commit(vault.put("t", "name", {"n": [1, "ü"]}))
        before = vault.identity
        with self.assertRaises(Fault) as wrong:
            await Vault.open(store, "two")
        self.assertEqual(wrong.exception.code, "forbidden")
        with self.assertRaises(Fault):
            await Vault.open(store, "")
        again = await Vault.open(store, "one")
        self.assertEqual((await again.read("t"), await again.has("t", "name"), await again.has("u", "name")), ([{"n": [1, "ü"]}], True, False))
        self.assertEqual(again.identity, before)

    async def test_keep_keys_over_a_renewal_and_another_passphrase(self):
        store = MemoryStore()
        vault = await Vault.open(store, "one", 1)
        await vault.save_identity(vault.identity.renewed(now_ms(), 60_000))
        with self.assertRaises(Fault):
            await vault.change_passphrase("wrong", "two")
        await vault.change_passphrase("one", "two")
        again = await Vault.open(store, "two")
        self.assertEqual(again.identity, vault.identity)
        self.assertEqual(len(again.identity.earlier), 1)
        self.assertEqual(again.identity.current(now_ms() + 60_001).earlier, ())

    async def test_refuse_what_was_changed_or_moved_on_the_disk(self):
        store = MemoryStore()
        vault = await Vault.open(store, "one", 1)
        await vault.commit(vault.put("t", "a", 1), vault.put("t", "b", 2))
        (first, value), (second, _) = await store.read("t")
        for change in (Put("t", first, value[:-1] + bytes([value[-1] ^ 1])), Put("t", second, value), Put("t", first, b"")):
            await store.commit([change])
            with self.assertRaises(Fault) as changed:
                await vault.read("t")
            self.assertEqual(changed.exception.code, "malformed")

    async def test_without_a_passphrase_are_new_each_time(self):
        store = MemoryStore()
        one, two = await Vault.open(store), await Vault.open(store)
        self.assertNotEqual(one.identity.fingerprint, two.identity.fingerprint)
        self.assertEqual(await store.read("meta"), [])


class Records(StoreCase):
    async def test_of_processed_messages_have_a_bound_for_each_sender(self):
        vault = await Vault.open(await self.sqlite(), "one", 1)
        ids = ProcessedIds(vault, 100)
        for n in range(256):
            await ids.add("agent_a", f"m{n}")
        await ids.add("agent_b", "m0")
        again = ProcessedIds(vault, 100)
        self.assertEqual([await again.has("agent_a", f"m{n}") for n in (0, 155, 156, 255)], [False, False, True, True])
        self.assertTrue(await again.has("agent_b", "m0"))

    async def test_of_the_transcript_have_a_bound_in_count_and_bytes(self):
        vault = await Vault.open(MemoryStore(), "one", 1)
        transcript = Transcript(vault, 3, 2_000, True)
        for n in range(5):
            await transcript.add(entry(n))
        again = Transcript(vault, 3, 2_000, True)
        await again.open()
        self.assertEqual([one.message_id for one in await again.read()], ["m2", "m3", "m4"])
        await again.add(entry(5, "x" * 1_700))
        self.assertEqual([one.message_id for one in await again.read()], ["m5"])
        self.assertEqual([one.message_id for one in await again.read("agent_b")], [])
        off = Transcript(vault, 3, 2_000, False)
        off.listeners.append(lambda one: told.append(one.message_id))
        told = []
        await off.add(entry(6))
        self.assertEqual((told, await off.read()), (["m6"], []))


def entry(n, text=""):
    return TranscriptEntry(n, "said", "agent_a", "INFORM", f"m{n}", "conv_1", {"text": text}, True, True)


if __name__ == "__main__":
    unittest.main()
