"""Take mode of the blocking agent, with a real broker."""
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor

from synaptic_core import AgentOptions, Fault, Refuse
from synaptic_core.mailbox_options import TakeSettings

from .broker import BrokerCase

WAIT_S = 20


def eventually(check, within_s=WAIT_S):
    """Waits until something holds."""
    end = time.monotonic() + within_s
    while not check():
        if time.monotonic() > end:
            raise AssertionError("it never held")
        time.sleep(0.02)


class Heard:
    """What handlers are told, in order."""

    def __init__(self):
        self.texts = []
        self._changed = threading.Condition()

    def __call__(self, message):
        with self._changed:
            self.texts.append(message.text)
            self._changed.notify_all()

    def wait(self, count):
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.texts) >= count, WAIT_S):
                raise AssertionError(f"heard only {self.texts}")
        return self.texts


class MailboxCase(BrokerCase):
    names = 0

    def fresh(self):
        """A name that no other test uses: mailboxes stay."""
        MailboxCase.names += 1
        return f"bob{MailboxCase.names}"

    def away(self, name, **mailbox):
        """Opens a mailbox and leaves."""
        self.connect(name, mailbox={"mode": "take", **mailbox}).close()


class TakeMode(MailboxCase):
    def test_answers_what_it_was_asked_while_it_was_away(self):
        ada, name, answered = self.connect("ada"), self.fresh(), Heard()
        self.away(name)
        ada.on_response(answered)
        sent = ada.send(name, "are you there?", type="request")
        stored = sent.stored.result(WAIT_S)
        self.assertEqual((stored.id, stored.state), (sent.message_id, "stored"))
        bob = self.connect(name, mailbox="take")
        bob.on_request(lambda request: f"you said: {request.text}")
        self.assertEqual(answered.wait(1), ["you said: are you there?"])
        self.assertEqual(sent.settled.result(WAIT_S).state, "answered")
        status = bob.mailbox_status()
        self.assertEqual((status.answered, status.done, status.waiting, status.leased, status.mode, status.here), (1, 0, 0, 0, "take", True))

    def test_settles_a_request_by_its_answer_although_who_asked_is_gone(self):
        carol, name = self.connect("carol"), self.fresh()
        bob = self.connect(name, mailbox="take")
        carol.send(name, "are you there?", type="request").stored.result(WAIT_S)
        carol.close()
        bob.on_request(lambda request: "yes")
        eventually(lambda: bob.mailbox_status().answered == 1)
        self.assertEqual(bob.mailbox_status().leased, 0)

    def test_settles_informs_that_a_handler_returns_from_in_order_and_many_at_once(self):
        ada, name, heard = self.connect("ada"), self.fresh(), Heard()
        bob = self.connect(name, mailbox="take")
        asked = []
        desk = bob._core.desk
        bob._core.desk = lambda kind, *given, **more: asked.append(kind) or desk(kind, *given, **more)
        for n in range(200):
            ada.inform(name, str(n))
        eventually(lambda: bob.mailbox_status().waiting == 200)
        bob.on_inform(heard)
        self.assertEqual(heard.wait(200), [str(n) for n in range(200)])
        eventually(lambda: bob.mailbox_status().done == 200)
        self.assertLess(len([kind for kind in asked if kind in ("mailbox.take", "mailbox.done")]), 40)

    def test_gives_back_what_a_handler_raises_and_tells_the_sender_what_it_refuses(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox={"mode": "take", "retry_ms": 50})
        attempts = []

        @bob.on_inform
        def _(message):
            if message.text == "never":
                raise Refuse("not of mine")
            attempts.append((message.marks["attempt"], time.monotonic()))
            if len(attempts) < 3:
                raise ValueError("not yet")

        with self.assertLogs("synaptic_core", "ERROR") as log:
            never, thrice = ada.send(name, "never"), ada.send(name, "thrice")
            refused = never.settled.result(WAIT_S)
            self.assertEqual((refused.state, refused.reason), ("refused", "not of mine"))
            self.assertEqual(thrice.settled.result(WAIT_S).state, "done")
        self.assertEqual([attempt for attempt, _ in attempts], [1, 2, 3])
        self.assertGreaterEqual(attempts[2][1] - attempts[1][1], 0.4)  # 8 times as long
        self.assertIn("its message comes again in 50 ms", log.output[0])
        bob.on_request(lambda request: (_ for _ in ()).throw(Refuse("nor this")))
        with self.assertRaises(Fault) as faulted:
            ada.request(name, "never", timeout_s=WAIT_S)
        self.assertEqual(faulted.exception.code, "forbidden")
        self.assertIn("nor this", faulted.exception.message)

    def test_survives_whatever_ends_a_handler(self):
        ada, name, attempts = self.connect("ada"), self.fresh(), []
        bob = self.connect(name, mailbox={"mode": "take", "retry_ms": 50})
        errors = {"exit": SystemExit(3), "stop": StopIteration(), "cancel": CancelledError(), "interrupt": KeyboardInterrupt()}

        @bob.on_inform
        def _(message):
            attempts.append((message.text, message.marks["attempt"]))
            if message.marks["attempt"] == 1:
                raise errors[message.text]

        with self.assertLogs("synaptic_core", "ERROR"):
            for sent in [ada.send(name, text) for text in errors]:
                self.assertEqual(sent.settled.result(WAIT_S).state, "done")
        self.assertEqual(sorted(attempts), sorted((text, attempt) for text in errors for attempt in (1, 2)))

    def test_gives_messages_without_a_handler_to_who_iterates_settled_by_asking_for_the_next(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox="take")
        sent = [ada.send(name, text) for text in ("one", "two", "three")]
        heard = []
        for message in bob:
            heard.append(message.text)
            if len(heard) == 3:
                break
        self.assertEqual(heard, ["one", "two", "three"])
        self.assertEqual([one.settled.result(WAIT_S).state for one in sent[:2]], ["done", "done"])
        eventually(lambda: bob.mailbox_status().waiting == 1)
        self.assertEqual([(one.to, one.state) for one in ada.message_state(sent[2].message_id)], [(name, "waiting")])
        self.assertEqual(bob.receive(WAIT_S).text, "three")
        self.assertIsNone(bob.receive(0))
        self.assertEqual(sent[2].settled.result(WAIT_S).state, "done")

    def test_finishes_what_it_has_begun_when_it_leaves_and_gives_the_rest_back_at_once(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox="take")
        sent = [ada.send(name, text) for text in ("one", "two", "three")]
        for one in sent:
            one.stored.result(WAIT_S)
        begun, finish = threading.Event(), threading.Event()
        self.addCleanup(finish.set)

        @bob.on_inform
        def _(message):
            begun.set()
            finish.wait(WAIT_S)

        self.assertTrue(begun.wait(WAIT_S))
        closing = threading.Thread(target=bob.close)
        closing.start()
        eventually(lambda: ada.message_state(sent[1].message_id)[0].state == "waiting")
        finish.set()
        closing.join(WAIT_S)
        self.assertEqual(sent[0].settled.result(WAIT_S).state, "done")
        heard = []
        again = self.connect(name, mailbox="take")
        again.on_inform(lambda message: heard.append((message.text, message.marks["attempt"])))
        eventually(lambda: len(heard) == 2)
        self.assertEqual(heard, [("two", 1), ("three", 1)])

    def test_takes_at_once_what_came_while_nobody_was_there_after_it_had_waited_for_more(self):
        ada, name, heard = self.connect("ada"), self.fresh(), Heard()
        bob = self.connect(name, mailbox="take")
        bob.on_inform(heard)
        ada.inform(name, "first")
        heard.wait(1)
        bob.close()  # while its question waits
        ada.send(name, "second").stored.result(WAIT_S)
        again = self.connect(name, mailbox="take")
        again.on_inform(heard)
        self.assertEqual(heard.wait(2), ["first", "second"])

    def test_extends_leases_while_handlers_run_so_that_nothing_comes_twice(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox={"mode": "take", "lease_ms": 1_000})
        heard = []

        @bob.on_inform
        def _(message):
            heard.append(message.text)
            time.sleep(1.6)

        for sent in [ada.send(name, text) for text in ("one", "two")]:
            self.assertEqual(sent.settled.result(WAIT_S).state, "done")
        self.assertEqual(heard, ["one", "two"])
        self.assertEqual(bob.mailbox_status().leased, 0)

    def test_answers_several_requests_at_once_and_not_more_than_it_may(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox={"mode": "take", "parallel": 2})
        both, most, running, lock = threading.Barrier(2), [], [0], threading.Lock()

        @bob.on_request
        def _(request):
            with lock:
                running[0] += 1
                most.append(running[0])
            both.wait(WAIT_S)
            with lock:
                running[0] -= 1
            return "yes"

        sent = [ada.send(name, str(n), type="request") for n in range(4)]
        self.assertEqual([one.settled.result(WAIT_S).state for one in sent], ["answered"] * 4)
        self.assertEqual(max(most), 2)

    def test_a_box_without_handlers_is_not_touched(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox="take")
        ada.send(name, "one").stored.result(WAIT_S)
        bob.agents()
        status = bob.mailbox_status()
        self.assertEqual((status.waiting, status.leased), (1, 0))

    def test_what_is_deep_can_be_taken_as_it_can_be_heard(self):
        ada, name, heard = self.connect("ada"), self.fresh(), Heard()
        bob = self.connect(name, mailbox="take")
        data = 1
        for _ in range(62):
            data = [data]
        sent = ada.send(name, {"message": "deep", "data": data})
        bob.on_inform(heard)
        self.assertEqual(heard.wait(1), ["deep"])
        self.assertEqual(sent.settled.result(WAIT_S).state, "done")


class MailOneByOne(MailboxCase):
    def test_each_has_its_ends(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox="take")
        sent = {text: ada.send(name, text, type="request" if text == "answer" else "inform") for text in ("done", "refuse", "later", "answer")}
        for one in sent.values():
            one.stored.result(WAIT_S)
        states = []
        for mail in bob.mail(wait_ms=0, max=2):
            self.assertEqual((mail.sender, mail.attempt), ("ada", 1))
            if mail.text == "answer":
                bob.respond(mail, "yes")
            elif mail.text == "done":
                states.append(mail.done())
            elif mail.text == "refuse":
                states.append(mail.refuse("no"))
            else:
                states.extend((mail.extend(), mail.release(60_000)))
        self.assertEqual(states, ["done", "refused", "leased", "waiting"])
        self.assertEqual(sent["answer"].settled.result(WAIT_S).state, "answered")
        refused = sent["refuse"].settled.result(WAIT_S)
        self.assertEqual((refused.state, refused.reason), ("refused", "no"))
        page = bob.peek()
        self.assertEqual([(one.state, one.attempts, one.message.text) for one in page.messages], [("waiting", 1, "later")])
        self.assertEqual((bob.peek(after=page.next).messages, page.gap), ([], False))

    def test_gives_back_what_it_has_taken_and_not_given_out(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox="take")
        for one in [ada.send(name, text) for text in ("one", "two", "three")]:
            one.stored.result(WAIT_S)
        mails = bob.mail()
        self.assertEqual(next(mails).done(), "done")
        with self.assertRaises(Fault) as second:
            next(bob.mail())
        self.assertEqual(second.exception.code, "conflict")
        mails.close()
        status = bob.mailbox_status()
        self.assertEqual((status.waiting, status.leased, status.done), (2, 0, 1))
        self.assertEqual([mail.attempt for mail in bob.mail(wait_ms=0) if mail.done()], [1, 1])

    def test_what_comes_for_a_reader_who_is_gone_is_given_back(self):
        ada, name = self.connect("ada"), self.fresh()
        bob = self.connect(name, mailbox="take")
        mails = bob.mail()
        ada.send(name, "one")
        next(mails).done()
        bob._mailbox._call(lambda: bob._mailbox._taking.ask(1, TakeSettings()))
        eventually(lambda: bob._mailbox._taking.is_asking)
        mails.close()  # while a question waits
        ada.send(name, "two").stored.result(WAIT_S)
        eventually(lambda: bob.mailbox_status().waiting == 1)
        self.assertEqual([mail.text for mail in bob.mail(wait_ms=0) if mail.done()], ["two"])

    def test_ends_when_the_agent_is_closed_and_is_for_take_mode_only(self):
        name = self.fresh()
        bob = self.connect(name, mailbox="take")
        heard = []
        reading = threading.Thread(target=lambda: heard.extend(bob.mail()))
        reading.start()
        eventually(lambda: bob._mailbox._taking.is_asking)
        bob.close()
        reading.join(WAIT_S)
        self.assertEqual((reading.is_alive(), heard), (False, []))
        with self.assertRaises(Fault) as refused:
            self.connect("ada").mail()
        self.assertEqual(refused.exception.code, "malformed")


class PushMode(MailboxCase):
    def test_hears_what_was_said_while_it_was_away_before_anything_new(self):
        ada, name, heard = self.connect("ada"), self.fresh(), Heard()
        opened = self.connect(name, mailbox=True)
        self.assertEqual(opened.mailbox_status().mode, "push")
        opened.close()
        sent = [ada.send(name, str(n)) for n in range(40)]
        for one in sent:
            one.stored.result(WAIT_S)
        bob = self.connect(name, mailbox={"mode": "push", "keep_s": 60})
        ada.inform(name, "new")
        bob.on_inform(heard)
        self.assertEqual(heard.wait(41), [*[str(n) for n in range(40)], "new"])
        bob.agents()
        self.assertEqual(bob.mailbox_status().waiting, 0)

    def test_a_request_that_waits_for_who_is_away_says_so_in_time(self):
        ada, name = self.connect("ada"), self.fresh()
        self.away(name)
        with self.assertRaises(Fault) as late:
            ada.request(name, "?", timeout_s=0.3)
        self.assertEqual((late.exception.code, late.exception.detail["state"]), ("timeout", "waiting"))
        self.assertRegex(late.exception.message, f"stored for {name}, away since 2.*, will be delivered until 2")

    def test_each_of_many_that_time_out_together_says_so(self):
        ada, names = self.connect("ada"), [self.fresh() for _ in range(20)]
        for name in names:
            self.away(name)

        def asked(name):
            with self.assertRaises(Fault) as late:
                ada.request(name, "?", timeout_s=0.5)
            return late.exception.message

        with ThreadPoolExecutor(len(names)) as threads:
            for name, words in zip(names, threads.map(asked, names)):
                self.assertIn(f"stored for {name}, away since 2", words)


class TheBox(MailboxCase):
    def test_is_closed_when_nothing_waits_or_that_is_lost(self):
        name = self.fresh()
        bob = self.connect(name, token=self.broker.token(name), mailbox="take")
        ada = self.connect("ada")
        sent = ada.send(name, "x")
        sent.stored.result(WAIT_S)
        with self.assertRaises(Fault) as refused:
            bob.close_mailbox()
        self.assertEqual(refused.exception.code, "conflict")
        bob.close_mailbox(discard=True)
        settled = sent.settled.result(WAIT_S)
        self.assertEqual((settled.state, settled.reason), ("dead", "closed"))
        with self.assertRaises(Fault) as gone:
            bob.mailbox_status()
        self.assertEqual(gone.exception.code, "not-found")

    def test_what_makes_no_sense_is_refused(self):
        ada = self.connect("ada")
        for wrong in ("pull", {"mode": "take", "batch": 0}, {"keep_s": -1}, {"mode": "take", "batches": 5}, 7, None, {"mode": "take", "lease_ms": True}):
            with self.subTest(wrong), self.assertRaises(Fault) as refused:
                ada.open_mailbox(wrong)
            self.assertEqual(refused.exception.code, "malformed")
        with self.assertRaises(Fault) as none:
            ada.mailbox_status()
        self.assertEqual(none.exception.code, "not-found")

    def test_is_opened_before_connect_returns_or_connect_is_refused(self):
        name = self.fresh()
        with self.assertRaises(Fault) as refused:
            self.connect(name, mailbox={"keep_s": -1})
        self.assertEqual(refused.exception.code, "malformed")
        self.assertEqual(self.connect(name, options=AgentOptions(exclusive=True)).name, name)  # it has left
