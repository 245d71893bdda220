import subprocess
import sys
import unittest


class MissingPackages(unittest.TestCase):
    def test_are_named_where_they_are_needed_and_nowhere_else(self):
        for module, debian in (("nacl", "python3-nacl"), ("websockets", "python3-websockets")):
            with self.subTest(module):
                program = (
                    f"import sys; sys.modules[{module!r}] = None\nimport synaptic_core, synaptic_core.aio\n"
                    "from synaptic_core.network import SecureAgent\nSecureAgent('ws://127.0.0.1:1', 't', 'agent_a')"
                )
                ended = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True, timeout=60)
                self.assertRegex(ended.stderr, rf"ImportError: synaptic_core.network needs .*: apt install {debian}, or pip install 'synaptic-core\[network\]'")

    def test_do_not_hurt_who_uses_the_rest(self):
        program = "import sys; sys.modules['nacl'] = sys.modules['websockets'] = None\nimport synaptic_core, synaptic_core.aio"
        self.assertEqual(subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, timeout=60).returncode, 0)


if __name__ == "__main__":
    unittest.main()
