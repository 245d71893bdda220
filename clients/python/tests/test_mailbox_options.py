"""What can be said of a mailbox, and what is told of what was sent; without a broker."""
import json
import unittest

from synaptic_core import Agent, AgentOptions, Fault
from synaptic_core.mailbox_options import TakeSettings, mailbox_settings

from .fake_link import FakeLink


class Settings(unittest.TestCase):
    def test_are_read(self):
        for option, wanted, take in (
            (True, {"mode": "push"}, None),
            ("push", {"mode": "push"}, None),
            ("take", {"mode": "take"}, TakeSettings()),
            ({"mode": "push", "batch": None}, {"mode": "push"}, None),
            ({"keep_s": 60, "max": 5, "max_bytes": 2_048}, {"mode": "push", "keep_s": 60, "max": 5, "max_bytes": 2_048}, None),
            ({"mode": "take", "batch": 3, "lease_ms": 5_000, "max_tokens": 9, "keep_s": None}, {"mode": "take"}, TakeSettings(batch=3, lease_ms=5_000, max_tokens=9)),
        ):
            with self.subTest(option):
                self.assertEqual(mailbox_settings(option), (wanted, take))

    def test_name_what_is_wrong(self):
        for option, words in (
            ("pull", "mailbox is 'pull'; give True, 'push', 'take'"),
            (False, "mailbox is False"),
            ({"mode": "take", "batch": 1_001}, "batch is 1001; give a whole number from 1 to 1000"),
            ({"mode": "take", "wait_ms": 30_001}, "wait_ms is 30001; give a whole number from 0 to 30000"),
            ({"mode": "take", "lease_ms": 999}, "lease_ms is 999"),
            ({"mode": "take", "retry_ms": 0.5}, "retry_ms is 0.5"),
            ({"mode": "take", "paralel": 2}, "mailbox has 'paralel'; did you mean parallel?"),
            ({"keepS": 60}, "did you mean keep_s?"),
            ({7: 60}, "mailbox has 7; known are mode, keep_s"),
            ({"mode": "push", "batch": 3}, "mailbox has batch, which is for an agent that takes its messages: add 'mode': 'take'"),
        ):
            with self.subTest(option), self.assertRaises(Fault) as refused:
                mailbox_settings(option)
            self.assertEqual(refused.exception.code, "malformed")
            self.assertIn(words, refused.exception.message)

    def test_a_handler_that_fails_waits_longer_each_time_and_not_more_than_an_hour(self):
        self.assertEqual([TakeSettings().retry_delay_ms(attempt) for attempt in (1, 2, 3, 4, 5, 1_000)], [1_000, 8_000, 64_000, 512_000, 3_600_000, 3_600_000])


class Receipts(unittest.TestCase):
    def setUp(self):
        links = []

        def open_link(heard, failed):
            links.append(FakeLink(heard, failed))
            return links[0]

        self.agent = Agent("ada", AgentOptions(pending_max=3), open_link)
        self.agent._core.prove = lambda: None  # there is no broker to answer it
        self.link = links[0]
        self.addCleanup(self.agent.close)

    def hear(self, kind, data, sender="$broker", **more):
        self.link.heard("ada", json.dumps({"from": sender, "type": "inform", "content": {"message": "x", "kind": kind, "data": data}, **more}).encode())

    def test_settle_the_futures_that_were_asked_for(self):
        both, one = self.agent.send("bob", "x", message_id="m1"), self.agent.send("bob", "x", message_id="m2", receipt=["settled"], type="request")
        self.assertEqual([(said["type"], said["receipt"]) for said in self.link.said], [("inform", ["stored", "settled"]), ("request", ["settled"])])
        with self.assertRaises(Fault):
            one.stored
        self.hear("receipt", {"ids": ["m1"], "state": "stored", "until": "2999-01-01T00:00:00.000Z"})
        self.assertEqual((both.stored.result(0).until, both.settled.done()), ("2999-01-01T00:00:00.000Z", False))
        self.hear("receipt", {"ids": ["m1", "m2"], "state": "refused", "reason": "no"})
        self.assertEqual([(sent.settled.result(0).state, sent.settled.result(0).reason) for sent in (both, one)], [("refused", "no")] * 2)
        self.assertIsNone(self.agent.receive(0))

    def test_one_that_says_settled_says_stored_as_well(self):
        sent = self.agent.send("bob", "x", message_id="m1")
        self.hear("receipt", {"ids": ["m1"], "state": "done"})
        self.assertEqual((sent.stored.result(0).state, sent.settled.result(0).state), ("stored", "done"))

    def test_of_others_are_heard_and_forged_ones_settle_nothing(self):
        sent = self.agent.send("bob", "x", message_id="m1")
        self.hear("receipt", {"ids": ["m1"], "state": "done"}, sender="eve")
        self.hear("receipt", {"ids": "m1", "state": "done"})
        self.hear("receipt", {"ids": ["m1"], "state": 7})
        self.assertFalse(sent.settled.done())
        self.hear("receipt", {"ids": ["m1", "not mine"], "state": "done"})
        self.assertTrue(sent.settled.done())
        self.assertEqual([self.agent.receive(0).data["state"] for _ in range(4)], ["done", "done", 7, "done"])

    def test_a_refusal_fails_them(self):
        sent = self.agent.send("bob", "x", message_id="m1")
        self.hear("fault", {"code": "full", "retry_after_ms": 50}, in_reply_to="m1")
        for future in (sent.stored, sent.settled):
            self.assertEqual((future.exception(0).code, future.exception(0).retry_after_ms), ("full", 50))

    def test_of_the_same_message_or_of_too_many_are_not_awaited(self):
        self.agent.send("bob", "x", message_id="m1")
        for more, code in (({"message_id": "m1"}, "conflict"), ({}, None), ({}, None), ({}, "full"), ({"type": "response"}, "malformed"), ({"receipt": ["read"]}, "malformed"), ({"ephemeral": True}, "malformed"), ({"to": "#lab"}, "malformed"), ({"to": "all"}, "malformed")):
            with self.subTest(more):
                if code is None:
                    self.agent.send(**{"to": "bob", "said": "x", **more})
                else:
                    with self.assertRaises(Fault) as refused:
                        self.agent.send(**{"to": "bob", "said": "x", **more})
                    self.assertEqual(refused.exception.code, code)
        self.assertEqual(len(self.link.said), 3)

    def test_fail_when_the_agent_leaves_or_its_line_ends(self):
        sent = self.agent.send("bob", "x")
        self.link.failed(Fault("unauthenticated", "revoked"))
        self.assertEqual(sent.settled.exception(0).code, "unauthenticated")


class Handlers(unittest.TestCase):
    def test_take_first_what_came_before_they_were_there(self):
        links, heard = [], []

        def open_link(heard_, failed):
            links.append(FakeLink(heard_, failed))
            return links[0]

        agent = Agent("ada", AgentOptions(), open_link)
        agent._core.prove = lambda: None
        for text, kind in (("1", "inform"), ("r", "response"), ("2", "inform")):
            links[0].heard("ada", json.dumps({"from": "bob", "type": kind, "content": text}).encode())
        agent.on_inform(lambda message: heard.append(message.text))
        links[0].heard("ada", json.dumps({"from": "bob", "type": "inform", "content": "3"}).encode())
        self.assertEqual(agent.receive(0).text, "r")
        agent.close()
        self.assertEqual(heard, ["1", "2", "3"])


if __name__ == "__main__":
    unittest.main()
