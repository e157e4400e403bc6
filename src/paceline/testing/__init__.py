"""For the tests of those who call models: whether a prompt keeps its beginning from call to call.

Providers reuse the work on a prompt up to its first changed byte, and say nothing when there is nothing to reuse: a hit
and a miss return the same answer. So only a test of the prompt itself finds a clock at its head.

    PrefixUnstableError (AssertionError)   the prompt changes; the message names the byte, the region, the cause

Must not import the rest of paceline: it is loaded into other people's test runs.
"""

from paceline.testing.prefix import PrefixUnstableError, Stability, assert_prefix_stable

__all__ = ["PrefixUnstableError", "Stability", "assert_prefix_stable"]
