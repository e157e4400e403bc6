"""Ways out: standards and ledger in the forms that other tools read.

Rules for Prometheus, dashboards for Grafana, OpenSLO, FOCUS, CSV, Parquet. Everything is for a file; nothing is sent.
"""
