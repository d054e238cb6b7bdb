"""Staff and roles."""

from enum import StrEnum
from uuid import UUID

import msgspec
from email_validator import EmailNotValidError, validate_email

from batuta.kernel.errors import Invalid, Refused
from batuta.kernel.quantities import Code, Text, fitting


class BadStaff(Invalid):
    """The member of staff cannot be so; `field` says where."""


class EmailTaken(Refused):
    """Another member of staff has this e-mail."""


class Role(StrEnum):
    ADMIN = "admin"
    OPERATOR = "operator"
    AGENT = "agent"
    PICKER = "picker"
    STORE = "store"
    FINANCE = "finance"
    VIEWER = "viewer"


SCOPED = frozenset({Role.PICKER, Role.STORE})
"""Roles that work at named locations only."""


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """One person who works for the merchant.

    location_ids: where; none is everywhere, which pickers and store people never are.
    """

    id: UUID
    email: Text
    name: Text
    role: Role
    location_ids: frozenset[UUID] = frozenset()
    locale: Code = "en"
    is_active: bool = True

    @property
    def actor(self) -> str:
        """How facts name them."""
        return f"staff:{self.email}"

    def works_at(self, location_id: UUID) -> bool:
        return not self.location_ids or location_id in self.location_ids


def check_staff(staff: Staff) -> Staff:
    """Return the member of staff with the e-mail in small letters, for people type it either way.

    Raises:
        BadStaff: not an e-mail, or a picker or store person without a location.
    """
    fitting(staff, BadStaff)
    try:
        email = validate_email(staff.email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as problem:
        raise BadStaff("not an e-mail address", field="email", got=staff.email, why=str(problem)) from problem
    if not staff.name.strip():
        raise BadStaff("a member of staff has a name", field="name", email=email)
    if staff.role in SCOPED and not staff.location_ids:
        raise BadStaff(f"a {staff.role} works at named locations", field="location_ids", email=email)
    return msgspec.structs.replace(staff, email=email, name=" ".join(staff.name.split()))
