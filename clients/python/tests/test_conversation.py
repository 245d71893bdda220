"""What agents say that were written from the protocol alone, and what another program of the same name hears."""
import asyncio
import json
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

from synaptic_core import Agent, AgentOptions, Fault
from synaptic_core.aio import Agent as AioAgent

from .broker import BrokerCase
from .fake_link import FakeLink

WAIT_S = 20


def over_fake_link(options=AgentOptions()):
    links = []

    def open_link(heard, failed):
        links.append(FakeLink(heard, failed))
        return links[0]

    agent = Agent("ada", options, open_link)
    agent._core.prove = lambda: None
    return agent, links[0]


def said(kind, text, sender="bob", **more):
    return json.dumps({"message_id": text, "from": sender, "to": "ada", "type": kind, "content": {"message": text}, **more}).encode()


class AResponseWithoutReference(unittest.TestCase):
    def test_answers_the_oldest_request_to_its_sender(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        one, other, two = (ada._core.ask(to, "?", WAIT_S) for to in ("bob", "eve", "bob"))
        for text in ("first", "second", "third"):
            link.heard("ada", said("response", text))
        self.assertEqual([one.result(0).text, two.result(0).text], ["first", "second"])
        self.assertFalse(other.done())
        self.assertEqual(ada.receive(0).text, "third")
        link.heard("#lab", said("response", "to a room", sender="eve"))
        self.assertFalse(other.done())
        link.heard("ada", said("response", "hers", sender="eve", in_reply_to=None))
        self.assertEqual(other.result(0).text, "hers")
        self.assertFalse(ada._core._pending._by_addressee)

    def test_is_nobodys_once_the_request_was_given_up(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        ada._core.ask("bob", "?", WAIT_S).cancel()
        link.heard("ada", said("response", "late"))
        self.assertEqual(ada.receive(0).text, "late")


class WhatIsHeard(unittest.TestCase):
    def test_has_no_half_of_a_character(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        for payload in (b'{"from":"bob","type":"inform","content":{"message":"\\ud83d","data":["\\\\ud83d","\\ud83d\\ude00"]}}', b'{"from":"bob","type":"inform","content":{"message":"\xed\xa0\xbd"}}'):
            link.heard("ada", payload)
        first, second = ada.receive(0), ada.receive(0)
        self.assertEqual((first.text, first.data), ("\ufffd", ["\\ud83d", "\U0001f600"]))
        self.assertEqual(set(second.text), {"\ufffd"})
        ada.inform("bob", {"message": "\ud83d", "data": "\ud83d\ude00"})
        self.assertEqual(link.said[-1]["content"], {"message": "\ufffd", "data": "\U0001f600"})

    def test_goes_by_the_topic_whatever_it_says_itself(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        for topic, to in (("ada", "#elsewhere"), ("#lab", "ada"), ("ada", "all")):
            link.heard(topic, said("inform", "x", to=to))
        self.assertEqual([ada.receive(0).to for _ in range(3)], ["ada", "#lab", "all"])

    def test_is_logged_by_its_ids_also_when_somebody_waits_for_it(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        with self.assertLogs("synaptic_core", "INFO") as logged:
            ada._core.ask("bob", "?", WAIT_S, message_id="q1")
            link.heard("ada", said("response", "secret", message_id="r1", in_reply_to="q1"))
        self.assertIn("response received from bob (r1, in reply to q1)", logged.output[0])
        self.assertNotIn("secret", logged.output[0])


class WhatARequestSaysOfItsTime(unittest.TestCase):
    def asked(self, *, timeout_s=WAIT_S, **more):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        with self.assertRaises(Fault):
            ada.request("bob", "?", timeout_s=timeout_s, **more)
        return link.said[0]

    def test_is_how_long_its_asker_waits(self):
        message = self.asked(timeout_s=0.0105)
        self.assertEqual(message["wait_ms"], 11)
        for name in ("expires_at", "receipt", "ephemeral"):
            self.assertNotIn(name, message)

    def test_is_an_end_where_its_asker_says_so(self):
        until = datetime(2999, 2, 3, 4, 5, 6, 789_000, tzinfo=timezone(timedelta(hours=1)))
        for end in (until, until.isoformat()):
            message = self.asked(timeout_s=0.01, expires_at=end, receipt=("settled", "stored"), ephemeral=True)
            self.assertEqual({**message, "expires_at": "2999-02-03T03:05:06.789Z", "wait_ms": 10, "receipt": ["settled", "stored"], "ephemeral": True}, message)
        before = datetime.now(timezone.utc)
        end = datetime.fromisoformat(self.asked(timeout_s=0.01, expires_in_s=60)["expires_at"].replace("Z", "+00:00"))
        self.assertLessEqual(timedelta(seconds=59.9), end - before)

    def test_does_not_keep_it_from_being_heard_late(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        link.heard("ada", said("request", "slow?", wait_ms=1))
        threading.Event().wait(0.01)
        self.assertEqual(ada.receive(0).text, "slow?")
        self.assertEqual(ada.dropped, 0)

    def test_is_the_longest_wait_that_can_be_written_where_it_is_longer(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        for wait_s in (1e300, float("inf")):
            ada._core.ask("bob", "?", wait_s)
        self.assertEqual([message["wait_ms"] for message in link.said], [2**53 - 1] * 2)


class ARequestThatNobodyWaitsForAnyMore(unittest.TestCase):
    def test_is_not_given_to_whoever_looks_into_the_inbox_late(self):
        ada, link = over_fake_link()
        self.addCleanup(ada.close)
        until = datetime.now(timezone.utc) + timedelta(seconds=0.1)
        link.heard("ada", said("request", "quick?", expires_at=until.isoformat()))
        link.heard("ada", said("inform", "marker"))
        while datetime.now(timezone.utc) <= until:
            threading.Event().wait(0.01)
        self.assertEqual(ada.receive(0).text, "marker")
        self.assertEqual(ada.dropped, 1)


class ANameThatSomebodyElseHas(BrokerCase):
    def test_is_refused_at_once_in_the_brokers_words(self):
        self.broker.token("boss")
        end = time.monotonic() + WAIT_S
        while True:
            began = time.monotonic()
            try:
                self.connect("boss").close()
            except Fault as fault:
                refused = fault
                break
            self.assertLess(began, end, "the broker reads its tokens again a moment after they have changed")
        self.assertEqual(refused.code, "unauthenticated")
        self.assertIn("the name boss has an owner", refused.message)
        self.assertLess(time.monotonic() - began, AgentOptions().ready_timeout_s)


class ASecondProgramOfOneName(BrokerCase):
    def test_is_refused_unless_both_share_it(self):
        shared = AgentOptions(exclusive=False)
        first = self.connect("ada", options=shared)
        with self.assertRaises(Fault) as refused:
            self.connect("ada")
        self.assertEqual(refused.exception.code, "conflict")
        self.assertIn("exclusive=False", refused.exception.message)
        twin, bob = self.connect("ada", options=shared), self.connect("bob")
        for one in (first, twin):
            one.request("$broker", {"message": "ping", "kind": "ping"}, timeout_s=WAIT_S)
        bob.inform("ada", "to both")
        self.assertEqual([one.receive(WAIT_S).text for one in (first, twin)], ["to both", "to both"])

    def test_may_come_when_the_first_leaves(self):
        first = self.connect("ada")
        first.close()
        self.connect("ada")

    def test_of_several_that_start_at_one_moment_one_stays(self):
        def start(_):
            try:
                return self.connect("ada")
            except Fault as fault:
                return fault.code

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(start, range(4)))
        self.assertEqual(outcomes.count("conflict"), 3)
        self.assertEqual(len([one for one in outcomes if not isinstance(one, str)]), 1)

    def test_is_refused_with_asyncio_too(self):
        self.connect("ada")

        async def connect():
            await AioAgent.connect("ada", data_dir=self.broker.data_dir)

        with self.assertRaises(Fault) as refused:
            asyncio.run(connect())
        self.assertEqual(refused.exception.code, "conflict")


if __name__ == "__main__":
    unittest.main()
