"""An agent that runs now and then, and stops: what was said to it meanwhile waits in its mailbox.

    PYTHONPATH=clients/python/src /usr/bin/python3 examples/mailbox_agent.py [NAME]      (or in a venv with ./clients/python)
"""
import sys

from synaptic_core import Agent, Request

with Agent.connect(sys.argv[1] if len(sys.argv) > 1 else "clerk", mailbox="take") as clerk:
    print(f"{clerk.name} looks into its mailbox", flush=True)
    for mail in clerk.mail(wait_ms=1_000):  # until nothing has come for a second
        print(f"{mail.sender}: {mail.text}", flush=True)
        if isinstance(mail.message, Request):
            clerk.respond(mail, f"{clerk.name} has read: {mail.text}")
        else:
            mail.done()
