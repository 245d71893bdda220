import asyncio
import tempfile
import unittest
from pathlib import Path

from synaptic_core import Fault

from .network_agents import WAIT_S, Heard, NetworkCase, eventually

PASS = {"passphrase": "correct horse battery"}


class Restarts(NetworkCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="synaptic-py-network-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def store(self, name):
        return {**PASS, "store": str(self.folder / f"{name}.db")}

    async def test_of_the_broker_lose_nothing_and_double_nothing(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob")
        heard, states = Heard(bob, "INFORM"), []
        alice.on_state(lambda state, why: states.append(state))
        sent = [await alice.inform("agent_bob", f"n{n}") for n in range(5)]
        self.broker.kill()
        await eventually(lambda: "down" in states)
        sent += [await alice.inform("agent_bob", f"n{n}") for n in range(5, 10)]
        await asyncio.get_running_loop().run_in_executor(None, self.broker.start)
        await asyncio.wait_for(asyncio.gather(*(one.delivered for one in sent)), WAIT_S)
        self.assertEqual([message.text for message in heard.messages], [f"n{n}" for n in range(10)])
        self.assertEqual(states[-2:], ["down", "up"])

    async def test_of_who_sends_keep_what_waits_and_who_it_is(self):
        alice = await self.connect("agent_alice", **self.store("alice"))
        bob = await self.connect("agent_bob")
        await asyncio.wait_for((await alice.inform("agent_bob", "first")).delivered, WAIT_S)
        await bob.close()
        waits = [await alice.inform("agent_bob", f"n{n}") for n in range(3)]
        before = alice.fingerprint()
        await alice.close()
        with self.assertRaises(Fault) as closed:
            await waits[0].delivered
        self.assertIn("when the agent is back", str(closed.exception))
        bob = self.agent("agent_bob")
        heard = Heard(bob, "INFORM")
        await bob.connect()
        self.addAsyncCleanup(bob.close)
        self.assertEqual(heard.messages, [])
        alice = self.agent("agent_alice", **self.store("alice"))
        told, refused = [], []
        alice.on_delivery(lambda report: told.append((report.message_id, report.state)))
        alice.on_security(refused.append)
        await alice.connect()
        self.addAsyncCleanup(alice.close)
        self.assertEqual(alice.fingerprint(), before)
        # Bob has no passphrase, so he is somebody else now: nothing goes to him until his key is accepted.
        await eventually(lambda: any(event.kind == "key-changed" for event in refused))
        self.assertEqual(heard.messages, [])
        with self.assertRaises(Fault) as unasked:
            await alice.query("agent_bob", "CUSTOM", {"text": "is it you?"})
        self.assertEqual(unasked.exception.code, "forbidden")
        self.assertIn("accept_key", str(unasked.exception))
        await alice.accept_key("agent_bob", bob.fingerprint())
        self.assertEqual(await heard.texts(3), ["n0", "n1", "n2"])
        await eventually(lambda: all((one.message_id, "delivered") in told for one in waits))

    async def test_under_another_name_are_refused(self):
        alice = await self.connect("agent_alice", **self.store("alice"))
        await alice.close()
        with self.assertRaises(Fault) as refused:
            await self.agent("agent_mallory", **self.store("alice")).connect()
        self.assertEqual(refused.exception.code, "conflict")
        self.assertIn('"agent_alice"', str(refused.exception))
        self.assertIn("name another store", str(refused.exception))
        await (await self.connect("agent_alice", **self.store("alice"))).close()

    async def test_of_who_hears_process_nothing_twice(self):
        alice, bob = await self.connect("agent_alice"), await self.connect("agent_bob", **self.store("bob"))
        heard = Heard(bob, "INFORM")
        sent = [await alice.inform("agent_bob", f"n{n}", message_id=f"fixed_{n}") for n in range(3)]
        await asyncio.wait_for(asyncio.gather(*(one.delivered for one in sent)), WAIT_S)
        await bob.close()
        again = await alice.inform("agent_bob", "n1", message_id="fixed_1")
        more = await alice.inform("agent_bob", "n3")
        bob = self.agent("agent_bob", **self.store("bob"))
        after = Heard(bob, "INFORM")
        await bob.connect()
        self.addAsyncCleanup(bob.close)
        await asyncio.wait_for(asyncio.gather(again.delivered, more.delivered), WAIT_S)
        self.assertEqual((len(heard.messages), [message.text for message in after.messages]), (3, ["n3"]))
        self.assertEqual(sum(alice.metrics.security.values()), 0)
        self.assertEqual([entry.content["text"] for entry in await bob.transcript("agent_alice")], ["n0", "n1", "n2", "n3"])

    async def test_of_both_in_the_middle_of_talking_keep_the_order(self):
        alice, bob = await self.connect("agent_alice", **self.store("alice")), await self.connect("agent_bob", **self.store("bob"))
        texts = []
        take = lambda message: texts.append(message.text)
        bob.on("INFORM")(take)
        for n in range(12):
            await alice.inform("agent_bob", f"n{n}")
            if n == 4:
                await bob.close()
                bob = self.agent("agent_bob", **self.store("bob"))
                bob.on("INFORM")(take)
                await bob.connect()
                self.addAsyncCleanup(bob.close)
            if n == 8:
                await alice.close()
                alice = await self.connect("agent_alice", **self.store("alice"))
        await eventually(lambda: len(texts) >= 12 and alice.metrics.waiting == 0)
        self.assertEqual(texts, [f"n{n}" for n in range(12)])

    async def test_need_the_passphrase_and_one_program_at_a_time(self):
        alice = await self.connect("agent_alice", **self.store("alice"))
        with self.assertRaises(Fault) as used:
            await self.agent("agent_alice", **self.store("alice")).connect()
        self.assertEqual(used.exception.code, "conflict")
        await alice.change_passphrase(PASS["passphrase"], "another one")
        await alice.close()
        with self.assertRaises(Fault) as wrong:
            await self.agent("agent_alice", **self.store("alice")).connect()
        self.assertEqual(wrong.exception.code, "forbidden")
        with self.assertRaises(Fault) as none:
            await self.agent("agent_alice", store=str(self.folder / "x.db")).connect()
        self.assertEqual(none.exception.code, "malformed")
        await self.connect("agent_alice", passphrase="another one", store=self.store("alice")["store"])

    async def test_leave_nothing_readable_on_the_disk_but_public_keys(self):
        alice = await self.connect("agent_alice", **self.store("alice"))
        await alice.inform("agent_nobody_knows", "a very secret text")
        await alice.close()
        kept = b"".join(path.read_bytes() for path in self.folder.iterdir())
        for secret in (b"secret text", b"nobody_knows", b"INFORM"):
            self.assertNotIn(secret, kept)
        self.assertEqual(self.folder.joinpath("alice.db").stat().st_mode & 0o077, 0)


if __name__ == "__main__":
    unittest.main()
