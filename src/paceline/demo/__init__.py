"""The demo: real traces of three services, replayed through a real gateway against the simulated provider.

Owns the excerpt of traces, the clients that replay them and the order of the show. Every figure it ends with is read
from the ledger, like anyone else's.
"""
