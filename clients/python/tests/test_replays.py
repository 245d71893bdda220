"""A room's past, as it follows an answer and as it does not."""
import json
import unittest

from synaptic_core import Agent, AgentOptions, Fault

from .fake_link import FakeLink


class ThePastOfARoom(unittest.TestCase):
    def setUp(self):
        self.agent = Agent("ada", AgentOptions(), self.open_link)
        self.agent._core.prove = lambda: None
        self.addCleanup(self.agent.close)

    def open_link(self, heard, failed):
        self.link = FakeLink(heard, failed)
        return self.link

    def ask(self):
        return self.agent._core.replayed({"room": "#a", "count": 20})

    def answer(self, asked, count):
        data = {"room": "#a", "count": count}
        self.hear({"from": "$broker", "to": "ada", "type": "response", "in_reply_to": self.link.said[asked]["message_id"], "content": {"message": "", "kind": "room.history", "data": data}})

    def past(self, text, **more):
        self.hear({"from": "bob", "to": "#a", "type": "inform", "replay": True, "content": {"message": text}, **more})

    def hear(self, payload):
        self.link.heard("ada", json.dumps({"message_id": "m", "timestamp": "2026-01-01T00:00:00Z", "priority": "NORMAL", **payload}).encode())

    def code(self, wanted):
        with self.assertRaises(Fault) as refused:
            wanted.result(0)
        return refused.exception.code

    def test_takes_nothing_else_for_it(self):
        mine = self.ask()
        self.past("not asked for")
        self.answer(0, 1)
        self.past("of another room", to="#b")
        self.past("news", replay=False)
        self.past("mine")
        self.assertEqual([one.text for one in mine.result(0)], ["mine"])
        self.assertEqual([self.agent.receive(0).text for _ in range(3)], ["not asked for", "of another room", "news"])

    def test_is_said_to_be_lost_where_the_next_answer_comes_first(self):
        first, second = self.ask(), self.ask()
        self.answer(0, 2)
        self.past("one")
        self.answer(1, 1)
        self.assertEqual(self.code(first), "slow-consumer")
        self.past("two")
        self.assertEqual([one.text for one in second.result(0)], ["two"])

    def test_is_said_to_be_lost_where_the_answer_to_another_program_of_the_name_comes_first(self):
        mine = self.ask()
        self.answer(0, 2)
        self.past("one")
        self.hear({"from": "eve", "to": "ada", "type": "response", "in_reply_to": "theirs", "content": {"message": "", "kind": "room.history"}})
        self.assertFalse(mine.done())
        self.hear({"from": "$broker", "to": "ada", "type": "response", "in_reply_to": "theirs", "content": {"message": "", "kind": "room.history"}})
        self.past("one")
        self.assertEqual(self.code(mine), "slow-consumer")

    def test_ends_with_the_agent(self):
        answered, waiting = self.ask(), self.ask()
        self.answer(0, 1)
        self.agent.close()
        self.assertEqual([self.code(answered), self.code(waiting)], ["going-away", "going-away"])
