"""The mail transport: many mails over one SMTP connection, each with its own answer.

Text is UTF-8; nothing in a header can begin another one. A mail's Message-ID comes from its id, so that a mail
that had to be sent twice (the connection broke before the server's answer was stored) is known as the same one.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import aiosmtplib
import msgspec
from email_validator import EmailNotValidError, validate_email

from batuta.kernel.errors import Invalid, Refused, Unavailable
from batuta.kernel.text import one_line

TIMEOUT_S = 20
PERMANENT = 500


class BadMailAddress(Invalid):
    """Not an address that mail can be sent to."""


class BadMailServer(Invalid):
    """The SMTP address is not `smtp://`, `smtp+starttls://` or `smtps://` with a host."""


class MailRefused(Refused):
    """The server will never take this mail; its answer is in the facts."""


class MailUnavailable(Unavailable):
    """The mail could not be handed over now; the same mail may be taken later."""


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """One mail to one person. html: an alternative to the text, already escaped; empty sends text alone."""

    id: UUID
    recipient: str
    subject: str
    text: str
    html: str = ""


def mail_address(text: str) -> str:
    """Return the address in its normal form; nothing is looked up in DNS.

    Raises:
        BadMailAddress: with the reason.
    """
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as problem:
        raise BadMailAddress("mail cannot be sent to this address", why=str(problem)) from None


async def send(
    mails: Sequence[Mail], *, url: str, sender: str, now: datetime
) -> list[MailRefused | MailUnavailable | None]:
    """Send mails one after the other over one connection; None says the server has taken it.

    url: `smtp://user:password@host:port` (STARTTLS where the server offers it), `smtp+starttls://` (never without
    it) or `smtps://`. sender: the From line, `Shop <shop@example.com>`.

    Raises:
        BadMailServer: the url is none.
        BadMailAddress: the sender has no address.
    """
    client = _client(url)
    origin = _origin(sender)
    if not mails:
        return []
    try:
        await client.connect()
    except (aiosmtplib.SMTPException, OSError, ValueError) as problem:
        down = MailUnavailable("the mail server does not answer", why=str(problem))
        return [down] * len(mails)
    try:
        return [await _send_one(client, mail, origin, now) for mail in mails]
    finally:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):
            await client.quit()


async def _send_one(
    client: aiosmtplib.SMTP, mail: Mail, origin: Address, now: datetime
) -> MailRefused | MailUnavailable | None:
    try:
        await client.send_message(_message(mail, origin, now))
    except (BadMailAddress, aiosmtplib.SMTPException, OSError) as problem:
        return _why(problem)
    return None


def _why(problem: Exception) -> MailRefused | MailUnavailable:
    """Tell what will never be taken from what may be; a sender that is not allowed is ours to set right."""
    if isinstance(problem, aiosmtplib.SMTPRecipientsRefused):
        problem = problem.recipients[0]
    reply = problem.code if isinstance(problem, aiosmtplib.SMTPResponseException) else 0
    is_sender = isinstance(problem, aiosmtplib.SMTPSenderRefused)
    is_final = isinstance(problem, BadMailAddress | aiosmtplib.SMTPNotSupported)
    why = getattr(problem, "message", "") or str(problem)
    if is_final or (reply >= PERMANENT and not is_sender):
        return MailRefused("this mail will never be taken", reply=reply, why=why)
    return MailUnavailable("the mail could not be handed over now", reply=reply, why=why)


def _client(url: str) -> aiosmtplib.SMTP:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadMailServer("the mail server's address cannot be read") from None
    security: dict[str, dict[str, Any]] = {
        "smtp": {"use_tls": False, "start_tls": None},
        "smtp+starttls": {"use_tls": False, "start_tls": True},
        "smtps": {"use_tls": True},
    }
    if parts.scheme not in security or not parts.hostname:
        raise BadMailServer("a mail server is smtp://, smtp+starttls:// or smtps:// and a host", scheme=parts.scheme)
    return aiosmtplib.SMTP(
        hostname=parts.hostname,
        port=port,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        timeout=TIMEOUT_S,
        **security[parts.scheme],
    )


def _origin(sender: str) -> Address:
    name, address = parseaddr(one_line(sender))
    try:
        return Address(display_name=name, addr_spec=address)
    except (ValueError, IndexError):
        raise BadMailAddress("the sender is no mail address", sender=sender) from None


def _message(mail: Mail, origin: Address, now: datetime) -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = origin
    message["To"] = _deliverable(mail.recipient)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail.id}@{origin.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    return message


def _deliverable(recipient: str) -> Address:
    """The address as servers without SMTPUTF8 take it, if there is such a form."""
    try:
        checked = validate_email(recipient, check_deliverability=False)
    except EmailNotValidError as problem:
        raise BadMailAddress("mail cannot be sent to this address", why=str(problem)) from None
    return Address(addr_spec=checked.ascii_email or checked.normalized)
