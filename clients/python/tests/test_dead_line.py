"""A line that dies as lines do: without a word."""
import socket
import threading
import unittest
from concurrent.futures import Future
from urllib.parse import urlsplit

from synaptic_core import Agent, AgentOptions, Fault

from .broker import BrokerCase
from .test_mailbox import WAIT_S, Heard, eventually


class DeadLine:
    """A line to a door of the broker: when it dies nothing passes any more, and whoever connects anew gets one that works."""

    def __init__(self, url):
        self._door = ("127.0.0.1", urlsplit(url).port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._lock = threading.Lock()
        self._age = 0
        self._sockets = []
        threading.Thread(target=self._serve, daemon=True).start()

    def die(self):
        with self._lock:
            self._age += 1

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        for each in [self._server, *self._sockets]:
            each.close()

    def _serve(self):
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return  # closed
            far = socket.create_connection(self._door)
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink, self._age), daemon=True).start()

    def _pass(self, source, sink, age):
        try:
            while True:
                data = source.recv(65_536)
                with self._lock:
                    if age != self._age:
                        return
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)
        except OSError:
            return  # closed at the test's end


class ALineThatDiesWithoutAWord(BrokerCase):
    def on_dead_lines(self, name, **more):
        """An agent, and what lets its lines to both doors die."""
        lines = DeadLine(self.broker.zmq_in), DeadLine(self.broker.zmq_out)
        for line in lines:
            self.addCleanup(line.close)
        agent = Agent.connect(name, zmq_in=lines[0].url, zmq_out=lines[1].url, options=AgentOptions(silent_s=0.1), **more)
        self.addCleanup(agent.close)

        def die():
            for line in lines:
                line.die()

        return agent, die

    def test_is_noticed_by_both_sockets_and_made_anew(self):
        bob, die = self.on_dead_lines("bob")
        ada = self.connect("ada")
        die()
        while True:
            try:
                bob.request("$broker", {"message": "ping", "kind": "ping"}, timeout_s=0.5)
                break
            except Fault as fault:
                self.assertEqual(fault.code, "timeout")
        ada.inform("bob", "do you hear me again?")
        self.assertEqual(bob.receive(timeout_s=20).text, "do you hear me again?")

    def test_what_was_given_over_it_is_taken_anew_at_once(self):
        bob, die = self.on_dead_lines("bob", mailbox="take")
        ada = self.connect("ada")
        heard = Heard()
        bob.on_inform(heard)
        ada.send("bob", "0").settled.result(WAIT_S)
        eventually(lambda: bob.mailbox_status().leased == 0)  # its next question is on its way
        die()
        sent = [ada.send("bob", str(n)) for n in range(1, 6)]
        # Leases are of two minutes.
        self.assertEqual([one.settled.result(WAIT_S).state for one in sent], ["done"] * 5)
        self.assertEqual(heard.wait(6), [str(n) for n in range(6)])

    def test_what_its_program_has_in_hand_is_left_alone(self):
        ben, die = self.on_dead_lines("ben", mailbox="take")
        ada = self.connect("ada")
        mail = ben.mail(max=1)
        sent = [ada.send("ben", "in hand")]
        heard = [next(mail)]
        rest = Future()
        asked = len(ben._mailbox._taking._asked)
        threading.Thread(target=lambda: rest.set_result([next(mail), next(mail)]), daemon=True).start()
        eventually(lambda: len(ben._mailbox._taking._asked) > asked)
        ben.request("$broker", {"message": "ping", "kind": "ping"})  # behind its question
        die()
        sent += [ada.send("ben", text) for text in ("lost", "last")]
        heard += rest.result(WAIT_S)
        self.assertEqual([one.text for one in heard], ["in hand", "lost", "last"])
        self.assertEqual([one.done() for one in heard], ["done"] * 3)
        self.assertEqual([one.settled.result(WAIT_S).state for one in sent], ["done"] * 3)
        mail.close()

    def test_is_not_looked_for_in_a_time_that_is_none(self):
        for silent_s in (-1, float("nan"), float("inf")):
            with self.assertRaises(Fault) as refused:
                self.connect("bob", options=AgentOptions(silent_s=silent_s))
            self.assertEqual(refused.exception.code, "malformed")
        self.connect("bob", options=AgentOptions(silent_s=0))


if __name__ == "__main__":
    unittest.main()
