"""Ways in: the configurations of other gateways, read and written again as standards.

Owns what corresponds to what. Reads text, gives text and a list of what could not be carried over; knows no ledger.
"""
