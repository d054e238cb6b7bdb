"""Staff, their roles and where they work."""

from uuid import UUID

import msgspec
from email_validator import EmailNotValidError, validate_email

from batuta.identity.domain.permissions import ROLE_LIMITS, ROLE_PERMISSIONS, Limits, Rights, Role, check_limits
from batuta.kernel.errors import Invalid, NotFound, Refused
from batuta.kernel.quantities import Code, Text, fitting


class BadStaff(Invalid):
    """The member of staff cannot be so; `field` says where."""


class EmailTaken(Refused):
    """Another member of staff has this e-mail."""


class NoSuchStaff(NotFound):
    """There is no member of staff of this id or e-mail."""


class LastAdmin(Refused):
    """Somebody must be left who can let others in."""


SCOPED = frozenset({Role.PICKER, Role.STORE})
"""Roles that work at named locations only."""


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """One person who works for the merchant.

    location_ids: where; none is everywhere, which pickers and store people never are.
    channel_ids: for which channels; none is all.
    limits: of amounts in minor units, instead of their role's.
    """

    id: UUID
    email: Text
    name: Text
    role: Role
    location_ids: frozenset[UUID] = frozenset()
    locale: Code = "en"
    is_active: bool = True
    channel_ids: frozenset[UUID] = frozenset()
    limits: Limits = {}

    @property
    def actor(self) -> str:
        """How facts name them."""
        return f"staff:{self.email}"

    @property
    def rights(self) -> Rights:
        """What they may do, where, and up to which amounts."""
        return Rights(
            permissions=ROLE_PERMISSIONS[self.role],
            channel_ids=self.channel_ids or None,
            location_ids=self.location_ids or None,
            limits={**ROLE_LIMITS.get(self.role, {}), **self.limits},
        )

    def works_at(self, location_id: UUID) -> bool:
        return not self.location_ids or location_id in self.location_ids


def check_staff(staff: Staff) -> Staff:
    """Return the member of staff with the e-mail in small letters, for people type it either way.

    Raises:
        BadStaff: not an e-mail, or a picker or store person without a location.
        BadLimit: a limit of what no amount can limit.
    """
    fitting(staff, BadStaff)
    check_limits(staff.limits)
    try:
        email = validate_email(staff.email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as problem:
        raise BadStaff("not an e-mail address", field="email", got=staff.email, why=str(problem)) from problem
    if not staff.name.strip():
        raise BadStaff("a member of staff has a name", field="name", email=email)
    if staff.role in SCOPED and not staff.location_ids:
        raise BadStaff(f"a {staff.role} works at named locations", field="location_ids", email=email)
    return msgspec.structs.replace(staff, email=email, name=" ".join(staff.name.split()))
