"""Mailboxes over the end of brokers and agents."""
import collections
import signal
import threading
import time
import unittest

from synaptic_core import Agent, Fault

from .broker import Broker
from .programs import Program
from .test_mailbox import WAIT_S, Heard, eventually


class Restart(unittest.TestCase):
    def setUp(self):
        self.broker = Broker()
        self.addCleanup(self.broker.close)

    def connect(self, name, **more):
        agent = Agent.connect(name, data_dir=self.broker.data_dir, **more)
        self.addCleanup(self.leave, agent)
        return agent

    def leave(self, agent):
        try:
            agent.close()
        except Fault:
            pass  # the broker may be gone

    def test_what_was_stored_before_the_broker_was_killed_is_handled_after_it_each_once_at_a_time(self):
        ada = self.connect("ada")
        bob = self.connect("bob", mailbox={"mode": "take", "batch": 10, "lease_ms": 2_000})
        sent = [ada.send("bob", str(n), type="request" if n % 2 else "inform") for n in range(60)]
        for one in sent:
            one.stored.result(WAIT_S)
        handled, running, twice, lock, half = collections.Counter(), set(), [], threading.Lock(), threading.Event()

        def handle(message):
            with lock:
                if message.text in running:
                    twice.append(message.text)
                running.add(message.text)
                handled[message.text] += 1
                if len(handled) == 20:
                    half.set()
            time.sleep(0.02)
            with lock:
                running.discard(message.text)
            return "yes"

        bob.on_request(handle)
        bob.on_inform(handle)
        self.assertTrue(half.wait(WAIT_S))
        self.broker.kill()
        time.sleep(0.3)  # handlers end while nobody can be told
        self.broker.start()
        states = [one.settled.result(3 * WAIT_S).state for one in sent]
        self.assertEqual([states[0], states[1]], ["done", "answered"])
        self.assertEqual(set(states), {"done", "answered"})
        self.assertEqual((len(handled), twice), (60, []))
        eventually(lambda: bob.mailbox_status().leased == 0)
        status = bob.mailbox_status()
        self.assertEqual((status.waiting, status.stored, status.done + status.answered), (0, 60, 60))
        self.assertLess(max(handled.values()), 3)

    def test_a_question_that_waits_is_asked_anew(self):
        ada, heard = self.connect("ada"), Heard()
        bob = self.connect("bob", mailbox="take")
        bob.on_inform(heard)
        eventually(lambda: bob._mailbox._taking.is_asking)
        self.broker.stop()
        self.broker.start()
        ada.send("bob", "after").stored.result(WAIT_S)
        begun = time.monotonic()
        self.assertEqual(heard.wait(1), ["after"])
        self.assertLess(time.monotonic() - begun, 10)  # a question waits 30 s

    def test_reading_one_by_one_goes_on(self):
        ada = self.connect("ada")
        bob = self.connect("bob", mailbox="take")
        for one in [ada.send("bob", str(n)) for n in range(4)]:
            one.stored.result(WAIT_S)
        heard = []
        for mail in bob.mail(max=2, wait_ms=1_000):
            heard.append(mail.text)
            if mail.text == "1":
                self.broker.kill()
                self.broker.start()
            self.assertEqual(mail.done(), "done")
        self.assertEqual(heard, ["0", "1", "2", "3"])

    def test_receipts_that_were_lost_are_asked_for(self):
        ada, bob = self.connect("ada"), self.connect("bob", mailbox="take")
        sent = ada.send("bob", "x")
        sent.stored.result(WAIT_S)
        ada._core.of_mailbox = lambda message: message.kind == "receipt"  # as if they were lost
        for mail in bob.mail(wait_ms=1_000):
            mail.done()
        self.broker.stop()
        self.broker.start()
        self.assertEqual(sent.settled.result(WAIT_S).state, "done")

    def test_a_killed_agent_loses_nothing(self):
        ada = self.connect("ada")
        self.connect("bob", mailbox="take").close()
        sent = [ada.send("bob", str(n)) for n in range(10)]
        for one in sent:
            one.stored.result(WAIT_S)
        program = (
            "import time\nfrom synaptic_core import Agent\n"
            "bob = Agent.connect('bob', mailbox={'mode': 'take', 'lease_ms': 1000})\n"
            "@bob.on_inform\ndef _(message):\n    print(message.text, flush=True)\n    time.sleep(60)\n"
        )
        with Program(program + "time.sleep(60)\n", self.broker.env) as killed:
            self.assertEqual(killed.stdout.readline(), "0\n")
            killed.send_signal(signal.SIGKILL)
        # Its leases end while it is away, so that they count as no attempts.
        eventually(lambda: all(ada.message_state(one.message_id)[0].state == "waiting" for one in (sent[0], sent[9])))
        heard = Heard()
        bob = self.connect("bob", mailbox="take")
        bob.on_inform(heard)
        self.assertEqual(sorted(heard.wait(10)), [str(n) for n in range(10)])
        self.assertEqual([one.settled.result(WAIT_S).state for one in sent], ["done"] * 10)

    def test_what_a_killed_agent_had_taken_is_free_at_once_for_the_next_of_its_name(self):
        ada = self.connect("ada")
        self.connect("bob", mailbox="take").close()
        for n in range(3):
            ada.send("bob", str(n)).stored.result(WAIT_S)
        program = "import os\nfrom synaptic_core import Agent\nfor _ in Agent.connect('bob', mailbox='take').mail():\n    os.kill(os.getpid(), 9)\n"
        with Program(program, self.broker.env) as killed:
            self.assertEqual(killed.wait(WAIT_S), -signal.SIGKILL)
        bob = self.connect("bob", mailbox="take")
        heard = []
        for mail in bob.mail(wait_ms=500):
            heard.append((mail.text, mail.attempt))
            mail.done()
        self.assertEqual(heard, [("0", 1), ("1", 1), ("2", 1)])


if __name__ == "__main__":
    unittest.main()
