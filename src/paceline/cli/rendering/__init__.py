"""The report as text, Markdown and HTML. All three show the same cells; `cells` makes them from the ledger's words."""
