import re
import signal
from pathlib import Path

from synaptic_core import Fault

from .broker import BrokerCase
from .programs import Program
from .test_mailbox import eventually

README = Path(__file__).resolve().parents[1] / "README.md"

PROGRAMS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


class Readme(BrokerCase):
    def test_its_programs_do_what_it_says(self):
        bob_py, ada_py, aio_py = PROGRAMS[:3]
        with self.begin(bob_py) as bob:
            self.assertEqual(bob.stdout.readline(), "bob is ready\n")
            with self.begin(ada_py) as ada:
                self.assertEqual(ada.stdout.read(), "you said: hello\n['ada', 'bob']\n")
            with self.begin(aio_py) as ada:
                self.assertEqual(ada.stdout.read(), "you said: hello\n")
            self.assertEqual(ada.returncode, 0)
            with self.connect("eve") as eve:
                eve.inform("bob", "news")
            self.assertEqual(bob.stdout.readline(), "eve in bob: news\n")
            bob.send_signal(signal.SIGINT)
            self.assertEqual((bob.wait(20), bob.stderr.read()), (0, ""))

    def test_its_programs_with_a_mailbox_do_what_it_says(self):
        handling_py, reading_py, sending_py = PROGRAMS[3:6]
        with self.begin(handling_py) as clerk, self.connect("ada") as ada:
            eventually(lambda: "clerk" in [agent.name for agent in ada.agents()])
            self.assertEqual(ada.request("clerk", "count", timeout_s=20).text, "done: count")
            with self.assertRaises(Fault) as refused:
                ada.request("clerk", "a secret", timeout_s=20)
            self.assertIn("not of mine", refused.exception.message)
            clerk.stdin.write("\n")
            clerk.stdin.flush()
            self.assertEqual((clerk.wait(20), clerk.stderr.read()), (0, ""))
        with self.begin(sending_py) as ada:
            self.assertRegex(ada.stdout.read(), r"^20\d\d-.*Z\n\[Delivery\(to='clerk', state='waiting'")
        with self.begin(reading_py) as clerk:
            self.assertEqual(clerk.stdout.read(), "ada the report is ready 1\n")
        self.assertEqual((ada.returncode, clerk.returncode), (0, 0))

    def test_what_was_said_in_a_durable_room_is_read_by_its_program_afterwards(self):
        program = PROGRAMS[6].replace('"ada"', '"kay"')  # the other programs have no token for ada
        token = self.broker.token("kay")
        with self.begin(program, ADA_TOKEN=token) as ada:
            self.assertEqual((ada.stdout.read(), ada.stderr.read()), ("", ""))
        with self.connect("eve") as eve:
            eve.inform("#log", "while you were away")
        with self.begin(program, ADA_TOKEN=token) as ada:
            self.assertEqual(ada.stdout.read(), "eve while you were away\n")

    def test_its_programs_that_seal_what_they_say_do_what_it_says(self):
        bob_py, alice_py = (program.replace("ws://127.0.0.1:8080", self.broker.ws) for program in PROGRAMS[7:9])
        homes = {"XDG_DATA_HOME": str(Path(self.broker.data_dir) / "homes")}
        tokens = {f"{name.upper()}_TOKEN": self.broker.token(f"agent_{name}", "pan") for name in ("alice", "bob")}
        passes = {"ALICE_PASSPHRASE": "one", "BOB_PASSPHRASE": "two"}
        with self.begin(bob_py, **homes, **tokens, **passes) as bob:
            self.assertRegex(bob.stdout.readline(), r"^bob is ([0-9a-f]{4} ?){16}\n$")
            with self.begin(alice_py, **homes, **tokens, **passes) as alice:
                self.assertEqual((alice.stdout.read(), alice.stderr.read()), ("['2030-06-01T09:00:00Z']\nCONFIRMATION\n", ""))
            bob.send_signal(signal.SIGINT)
            self.assertEqual(bob.wait(20), 0)

    def test_a_program_that_forgets_to_close_ends(self):
        with self.begin("from synaptic_core import Agent\nAgent.connect('ada').on_request(str)\nprint('end')\n") as ada:
            self.assertEqual(ada.stdout.read(), "end\n")
            self.assertEqual(ada.wait(20), 0)

    def begin(self, program, **more):
        return Program(program, {**self.broker.env, **more})
