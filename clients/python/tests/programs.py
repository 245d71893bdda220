"""Programs that tests start: none outlives its `with`."""
import os
import subprocess
import sys
import threading

MOST_S = 60  #: nothing that a test starts runs for longer


class Program(subprocess.Popen):
    """A Python program. At the end of its `with` it has ended: by itself, or killed where the test has failed. After `MOST_S` it is killed in any case, so that nobody reads from it for ever."""

    def __init__(self, source, environment):
        pipe = subprocess.PIPE
        found = {**environment, "PYTHONPATH": os.pathsep.join(sys.path)}
        super().__init__([sys.executable, "-c", source], env=found, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._late = threading.Timer(MOST_S, self.kill)
        self._late.daemon = True
        self._late.start()

    def __exit__(self, kind, error, trace):
        try:
            if kind is not None:
                self.kill()
            super().__exit__(kind, error, trace)
        finally:
            self._late.cancel()
