"""Governance: breaches, regressions, incidents, owners, alerts, waivers, reviews, on the ledger's numbers.

Owns what follows from a budget; must not know the gateway or the command line.
"""
