"""What could be lost in silence, or carried out too late; and what ends the connection."""
import json
import os
import signal
import threading
import unittest
from datetime import datetime, timedelta, timezone

from synaptic_core import Agent, AgentOptions, Fault

from .broker import Broker, BrokerCase
from .fake_link import FakeLink

WAIT_S = 20


def over_fake_link(options=AgentOptions()):
    links = []
    agent = Agent("ada", options, lambda heard, failed: links.append(FakeLink(heard, failed)) or links[0])
    return agent, links[0]


def said(kind, text, **more):
    return json.dumps({"message_id": text, "from": "bob", "to": "ada", "type": kind, "content": {"message": text}, **more}).encode()


class OneBadTopic(BrokerCase):
    def test_is_refused_to_its_caller_and_the_agent_lives_on(self):
        ada = self.connect("ada")
        calls = (lambda: ada.join("\ud800"), lambda: ada.inform("\ud800", "x"), lambda: ada.request("\ud800", "x"), lambda: ada.subscribe("\ud800"), lambda: ada.unsubscribe("\ud800"))
        for call in calls:
            with self.assertRaises(Fault) as refused:
                call()
            self.assertEqual(refused.exception.code, "malformed")
        self.assertIn("ada", [agent.name for agent in ada.agents()])
        self.assertFalse(ada._core._pending._waiting)
        with self.assertRaises(Fault) as refused:
            Agent.connect("eve", token="\ud800", data_dir=self.broker.data_dir)
        self.assertEqual(refused.exception.code, "malformed")


class ABrokenLink(BrokerCase):
    def test_tells_everybody_who_waits_why(self):
        ada = self.connect("ada")
        self.connect("silent")
        outcomes = []

        def outcome_of(call):
            try:
                outcomes.append(call())
            except Fault as fault:
                outcomes.append(fault)

        waiting = [threading.Thread(target=outcome_of, args=(call,)) for call in (lambda: ada.request("silent", "?"), lambda: list(ada))]
        for thread in waiting:
            thread.start()
        ada.send("silent", "marker", message_id="m", type="request")
        with self.assertLogs("synaptic_core", "ERROR"):
            ada._core._link._obey = None  # the thread fails at the next order
            with self.assertRaises(Fault):
                ada.inform("silent", "x")
                ada.inform("silent", "y")
            for thread in waiting:
                thread.join(WAIT_S)
        self.assertEqual([outcome.code for outcome in outcomes], ["internal", "internal"])
        for call in (lambda: ada.inform("silent", "z"), lambda: ada.receive(0), ada.agents):
            with self.assertRaises(Fault) as refused:
                call()
            self.assertIn("the connection to the broker failed", refused.exception.message)
        with self.assertRaises(Fault):
            ada.close()  # what was said last is not confirmed


class WhatHasExpired(unittest.TestCase):
    def test_is_not_carried_out_when_the_broker_wakes_up(self):
        broker = Broker()
        self.addCleanup(broker.close)
        payer, payee = (Agent.connect(name, data_dir=broker.data_dir) for name in ("payer", "payee"))
        paid = []
        payee.on_request(lambda request: paid.append(request.text))
        broker.pause()
        self.addCleanup(broker.resume)
        for n in range(3):
            with self.assertRaises(Fault) as late:
                payer.request("payee", f"pay {n}", timeout_s=0.2, expires_in_s=0.2)
            self.assertEqual(late.exception.code, "timeout")
        broker.resume()
        payer.request("payee", "pay now", timeout_s=WAIT_S)
        self.assertEqual(paid, ["pay now"])
        self.assertEqual(payee.dropped, 3)
        payer.close()
        payee.close()

    def test_is_not_carried_out_when_it_waited_for_other_handlers(self):
        ada, link = over_fake_link(AgentOptions(handler_threads=1))
        begun, gate, asked = threading.Event(), threading.Event(), []

        @ada.on_request
        def _(request):
            asked.append(request.text)
            begun.set()
            gate.wait(WAIT_S)

        link.heard("ada", said("request", "first"))
        self.assertTrue(begun.wait(WAIT_S))
        until = datetime.now(timezone.utc) + timedelta(seconds=0.2)
        link.heard("ada", said("request", "second", expires_at=until.isoformat()))
        while datetime.now(timezone.utc) <= until:
            gate.wait(0.01)
        gate.set()
        ada._answering.end(WAIT_S)
        self.assertEqual((asked, ada.dropped), (["first"], 1))


class AFailedJoin(BrokerCase):
    def test_leaves_nobody_deaf_who_was_in_the_room_before(self):
        ada, bob = self.connect("ada"), self.connect("bob")
        ada.join("#again")
        desk = ada._core.desk

        def refused_desk(kind, data=None):
            raise Fault("full", "too many requests")

        def late_desk(kind, data=None):
            return ada._core.ask("silent", kind, 10)

        silent = self.connect("silent")
        for broken in (refused_desk, late_desk):
            ada._core.desk = broken
            if broken is late_desk:
                silent.on_request(lambda request: (_ for _ in ()).throw(Fault("unavailable", "away")))
            with self.assertRaises(Fault):
                ada.join("#again")
        ada._core.desk = desk
        bob.inform("#again", "still here?")
        self.assertEqual(ada.receive(WAIT_S).text, "still here?")
        with self.assertRaises(Fault):
            ada.join("lab")
        self.assertNotIn(b"lab", ada._core._link._topics)


class ASlowHandler(unittest.TestCase):
    def test_hears_all_that_was_kept_for_it_and_the_rest_is_counted_and_logged_once(self):
        ada, link = over_fake_link(AgentOptions(answering_max=10, inbox_max=20))
        gate, heard, all_heard = threading.Event(), [], threading.Event()

        @ada.on_inform
        def _(notice):
            gate.wait(WAIT_S)
            heard.append(notice.text)
            if len(heard) == 30:
                all_heard.set()

        with self.assertLogs("synaptic_core", "WARNING") as logged:
            for n in range(35):
                link.heard("ada", said("inform", str(n)))
        gate.set()
        self.assertTrue(all_heard.wait(WAIT_S))
        self.assertEqual(heard, [str(n) for n in range(30)])
        self.assertEqual(ada.dropped, 5)
        self.assertEqual(len(logged.output), 1)
        self.assertIn("inbox_max", logged.output[0])
        self.assertIsNone(ada.receive(0), "nothing lies where its handler never sees it")
        ada._answering.end(WAIT_S)

    def test_nobody_at_all_is_told_of_in_the_log_too(self):
        ada, link = over_fake_link(AgentOptions(inbox_max=1))
        with self.assertLogs("synaptic_core", "WARNING") as logged:
            for n in range(3):
                link.heard("ada", said("inform", str(n)))
        self.assertEqual((ada.dropped, len(logged.output)), (2, 1))


class AForkedChild(BrokerCase):
    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
    def test_is_told_to_connect_for_itself(self):
        ada = self.connect("ada")
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                signal.alarm(WAIT_S)
                codes = []
                for call in (lambda: ada.inform("bob", "x"), lambda: ada.request("bob", "x"), lambda: ada.join("#x"), lambda: ada.subscribe("x"), lambda: ada.receive()):
                    try:
                        call()
                    except Fault as fault:
                        codes.append((fault.code, "connect after fork" in fault.message))
                ada.close()
                os.write(writer, json.dumps(codes).encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as told:
            self.assertEqual(json.loads(told.read() or "null"), [["unavailable", True]] * 5)
        os.waitpid(child, 0)
        self.assertIn("ada", [agent.name for agent in ada.agents()])


class AnExceptionThatPasses(unittest.TestCase):
    def test_is_not_replaced_by_what_closing_says(self):
        for interrupt in (KeyboardInterrupt, ValueError):
            ada, link = over_fake_link()

            def refuse():
                raise Fault("unavailable", "the broker did not confirm")

            ada._core.prove = refuse
            with self.assertLogs("synaptic_core", "WARNING"), self.assertRaises(interrupt):
                with ada:
                    raise interrupt
        ada, link = over_fake_link()
        ada._core.prove = refuse
        with self.assertRaises(Fault):
            with ada:
                pass
