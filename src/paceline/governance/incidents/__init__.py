"""Incidents: a breach or a regression with an owner, a timeline and a closing rule.

Pure values and rules; where they are kept is the ledger's business.
"""
