"""Who may make an account."""

from enum import StrEnum

from assay_auth.domain.errors import InvitationNeeded, SignUpClosed


class SignUp(StrEnum):
    """What the operator has decided on new accounts."""

    OPEN = "open"
    INVITATION = "invitation"
    """Only people whose address was invited to an organisation."""
    CLOSED = "closed"

    def check(self, *, invited: bool) -> None:
        """Raise SignUpClosed or InvitationNeeded unless somebody may make an account."""
        if self is SignUp.CLOSED:
            raise SignUpClosed("new accounts are not made here: ask the administrator")
        if self is SignUp.INVITATION and not invited:
            raise InvitationNeeded("new accounts are made by invitation: ask a member of your organisation for one")
