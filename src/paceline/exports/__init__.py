"""Ways out: standards and ledger in the forms that other tools read.

Rules for Prometheus, OpenSLO, FOCUS and CSV. Everything is text for a file; nothing is sent.
"""
