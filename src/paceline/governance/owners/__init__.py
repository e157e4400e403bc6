"""Owners of services: read from other catalogues, written into the standards, followed, and missing.

`backstage` and `codeowners` read; `merging` joins what they say with the standards; `writing` changes the file.
"""

from paceline.governance.owners.merging import Claim, Proposal, merged
from paceline.governance.owners.traffic import Ownerless, ownerless

__all__ = ["Claim", "Ownerless", "OwnersError", "Proposal", "merged", "ownerless"]

from paceline.governance.owners.errors import OwnersError
