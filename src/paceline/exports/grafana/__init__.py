"""Dashboards for Grafana over the gateway's metrics: overview, service, model and deployment, gateway.

`queries` writes PromQL, `panels` the JSON of one panel, `board` that of a dashboard; a file a dashboard puts them
together. Nothing here needs the recording rules: an import and a scrape are enough.
"""

from paceline.exports.grafana.boards import BOARDS, board_text

__all__ = ["BOARDS", "board_text"]
