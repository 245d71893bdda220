"""Waits that leave out the time in which the process stood still."""
import unittest

from synaptic_core.patience import SLICE_S, slices


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Slices(unittest.TestCase):
    def test_last_as_long_as_they_should(self):
        clock, waited = Clock(), 0.0
        for wait_s in slices(1.1, clock):
            self.assertLessEqual(wait_s, SLICE_S)
            clock.now += wait_s
            waited += wait_s
        self.assertAlmostEqual(waited, 1.1)

    def test_leave_out_a_pause(self):
        clock, waited = Clock(), 0.0
        for n, wait_s in enumerate(slices(2, clock)):
            clock.now += 60 if n == 2 else wait_s
            waited += 0 if n == 2 else wait_s
        self.assertAlmostEqual(waited, 2 - 2 * SLICE_S)

    def test_read_once_more_after_a_pause_at_the_end(self):
        clock, asked = Clock(), []
        for wait_s in slices(0.1, clock):
            clock.now += 60 if not asked else wait_s
            asked.append(wait_s)
        self.assertEqual(asked, [0.1, SLICE_S])
