"""Waivers: approved exceptions with an end. What is waived is measured and shown as ever; only paging and gates change.

They stand in the standards file, or are asked for and approved by command or API and kept in the ledger. `in_force`
joins both; `deciding` holds the rules of asking and approving.
"""

from paceline.governance.waivers.waiver import Source, Waiver, WaiverState, all_waivers, in_force

__all__ = ["Source", "Waiver", "WaiverState", "all_waivers", "in_force"]
