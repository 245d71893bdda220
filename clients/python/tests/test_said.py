import unittest
from datetime import datetime, timedelta, timezone

from synaptic_core import Agent, AgentOptions, Fault

from .fake_link import FakeLink


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


CYCLIC = {}
CYCLIC["self"] = CYCLIC


class WhatIsSaid(unittest.TestCase):
    def setUp(self):
        self.links = []

        def open_link(heard, failed):
            self.links.append(FakeLink(heard, failed))
            return self.links[0]

        self.agent = Agent("ada", AgentOptions(), open_link)
        self.agent._core.prove = lambda: None

    def tearDown(self):
        self.assertEqual(self.links[0].said, [])
        self.agent.close()

    def refused(self, words, call, *given, **more):
        with self.assertRaises(Fault) as refused:
            call(*given, **more)
        self.assertEqual(refused.exception.code, "malformed")
        self.assertIn(words, str(refused.exception))

    def test_is_text_or_holds_one(self):
        for said in (5, None, ["x"], {"kind": "x"}, {"message": 7}):
            self.refused("say a text", self.agent.inform, "bob", said)
            self.refused("say a text", self.agent.request, "bob", said)
        self.refused("kind is no text", self.agent.inform, "bob", {"message": "m", "kind": None})

    def test_can_be_written_as_json(self):
        for data in (CYCLIC, {1, 2}, {float("nan"): 1}, nested(20_000)):
            self.refused("as JSON", self.agent.inform, "bob", {"message": "m", "data": data})
        self.refused("deeper than 64 levels", self.agent.inform, "bob", {"message": "m", "data": nested(65)})

    def test_has_ids_and_a_priority_that_make_sense(self):
        for given in ({"message_id": 7}, {"message_id": ""}, {"message_id": "i" * 257}, {"conversation_id": "c" * 257}, {"priority": "SILLY"}, {"priority": []}):
            self.refused(next(iter(given)), self.agent.request, "bob", "x", **given)

    def test_has_an_end_and_wishes_that_make_sense(self):
        for given in (
            *({"expires_at": end} for end in ("2026-02-03T04:05:06", "soon", "", 1_770_000_000, datetime(2026, 2, 3), datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))),
            *({"expires_in_s": wait} for wait in (0, -1, float("inf"), float("nan"), 1e12, "5", True)),
            *({"receipt": words} for words in ("stored", ["read"], [["stored"]], True, {"stored": 1})),
            {"ephemeral": 1},
        ):
            self.refused(next(iter(given)), self.agent.inform, "bob", "x", **given)
            self.refused(next(iter(given)), self.agent.request, "bob", "x", **given)
        self.refused("give one of them", self.agent.inform, "bob", "x", expires_at="2026-02-03T04:05:06Z", expires_in_s=5)

    def test_goes_to_a_topic(self):
        for topic in (None, 5, b"bob", "q" * 1_025):
            self.refused("the topic", self.agent.inform, topic, "x")
            self.refused("the topic", self.agent.request, topic, "x")
            self.refused("the topic", self.agent.subscribe, topic)
            self.refused("the topic", self.agent.join, topic)


if __name__ == "__main__":
    unittest.main()
