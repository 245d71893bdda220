import re
import signal
import subprocess
import sys
from pathlib import Path

from .broker import BrokerCase

README = Path(__file__).resolve().parents[1] / "README.md"


class Readme(BrokerCase):
    def test_its_programs_do_what_it_says(self):
        bob_py, ada_py, aio_py = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        with self.begin(bob_py) as bob:
            self.addCleanup(bob.kill)
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

    def test_a_program_that_forgets_to_close_ends(self):
        with self.begin("from synaptic_core import Agent\nAgent.connect('ada').on_request(str)\nprint('end')\n") as ada:
            self.addCleanup(ada.kill)
            self.assertEqual(ada.stdout.read(), "end\n")
            self.assertEqual(ada.wait(20), 0)

    def begin(self, program):
        return subprocess.Popen([sys.executable, "-c", program], env=self.broker.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
