"""The vectors of `$broker`, at a real one."""
from synaptic_core import AgentOptions, Fault

from .broker import BrokerCase
from .vectors import vectors


class DeskVectors(BrokerCase):
    def test_hold(self):
        ada = self.connect("ada", options=AgentOptions(request_timeout_s=2))
        for vector in vectors("desk")["asks"]:
            with self.subTest(vector["about"]):
                answer, fault = self.ask(ada, vector)
                self.assertEqual(None if fault is None else fault.code, vector.get("fault"))
                if answer is not None:
                    self.assertEqual((answer.sender, answer.type, answer.kind, answer.trust), ("$broker", "response", vector["kind"], "proved"))
                    if "has" in vector:
                        self.assertTrue(has(answer.data, vector["has"]), f"{answer.data} has not {vector['has']}")
                    else:
                        self.assertEqual(named(answer.data), vector["answer"])

    def ask(self, ada, vector):
        """The broker tells ten faults a second and sums up the rest: who hears nothing asks again."""
        for _ in range(3):
            try:
                return ada._wait(ada._core.desk(vector["kind"], vector.get("data"))), None
            except Fault as fault:
                if fault.code != "timeout":
                    return None, fault
        self.fail("no answer")


def has(data, part):
    """True if all that is in `part` is in `data`, too; lists are the same to the length."""
    if isinstance(part, dict):
        return isinstance(data, dict) and all(key in data and has(data[key], value) for key, value in part.items())
    if isinstance(part, list):
        return isinstance(data, list) and len(data) == len(part) and all(map(has, data, part))
    return data == part


def named(data):
    """Lists by the names in them."""
    if data is None:
        return None
    return {key: [one["name"] if isinstance(one, dict) else one for one in value] if isinstance(value, list) else value for key, value in data.items()}
