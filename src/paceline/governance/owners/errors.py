"""What can go wrong with owners from elsewhere."""

from paceline.governance.alerts.errors import GovernanceError

__all__ = ["OwnersError"]


class OwnersError(GovernanceError):
    """A catalogue cannot be read, or the standards cannot be changed safely; `fix` says what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.fix = fix
