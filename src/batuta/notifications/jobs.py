"""Sending messages that were queued: one connection for many, each with its own answer."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from batuta.kernel.errors import Invalid, NotFound, Unavailable
from batuta.notifications.commands import book_sending, take_to_send
from batuta.notifications.domain import Message, MessageStatus, Sending
from batuta.notifications.queries import messages_by_id
from batuta.plumbing import mail
from batuta.plumbing.database import Engine
from batuta.plumbing.mail import Mail, MailRefused, MailUnavailable


class NoSuchMessage(NotFound):
    """A job is about a message that is not there."""


class BeingSent(Unavailable):
    """Somebody else has taken the message and has not said yet what became of it."""


async def send(
    engine: Engine, payloads: Sequence[bytes], *, now: datetime, smtp_url: str, sender: str
) -> list[BaseException | None]:
    """Send the messages whose ids are given, each once, however often it is asked.

    Messages are taken before and booked after, each in its own transaction; none is open while mail is sent.
    """
    asked = [msgspec.json.decode(payload, type=UUID) for payload in payloads]
    async with engine.begin() as db:
        taken = await take_to_send(db, ids=set(asked), now=now)

    try:
        answers = await mail.send([_mail(one) for one in taken], url=smtp_url, sender=sender, now=now)
    except Invalid as problem:
        answers = [MailUnavailable("the mail server or the sender is not set right", why=problem.sentence)] * len(taken)

    async with engine.begin() as db:
        outcomes = {one.id: _sending(answer) for one, answer in zip(taken, answers, strict=True)}
        await book_sending(db, outcomes=outcomes, now=now)
        known = await messages_by_id(db, set(asked))
    problems = {
        one.id: answer for one, answer in zip(taken, answers, strict=True) if isinstance(answer, MailUnavailable)
    }
    return [problems.get(message_id) or _left_over(message_id, known.get(message_id)) for message_id in asked]


def _mail(one: Message) -> Mail:
    return Mail(id=one.id, recipient=one.recipient, subject=one.subject, text=one.body)


def _sending(answer: MailRefused | MailUnavailable | None) -> Sending:
    if answer is None:
        return Sending(is_over=True)
    return Sending(is_over=isinstance(answer, MailRefused), problem=str(answer.facts["why"]))


def _left_over(message_id: UUID, message: Message | None) -> NoSuchMessage | BeingSent | None:
    """What to say of a message that was not taken, or is done with."""
    if message is None:
        return NoSuchMessage("no such message", message_id=str(message_id))
    if message.status is MessageStatus.QUEUED:
        return BeingSent("somebody else is sending it", message_id=str(message_id))
    return None
