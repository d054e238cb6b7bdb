"""Telling customers, on a real PostgreSQL and by a real SMTP server."""

import asyncio
import random
from functools import partial
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import text

from batuta.kernel.errors import BatutaError
from batuta.kernel.ids import new_id
from batuta.notifications.commands import SENDING, notify, take_to_send
from batuta.notifications.domain import (
    BadFact,
    Message,
    MessageIdTaken,
    MessageStatus,
    MissingFacts,
    Notice,
    UnknownTemplate,
)
from batuta.notifications.jobs import BeingSent, NoSuchMessage, send
from batuta.notifications.queries import message_counts, messages_by_id, messages_by_key, messages_of
from batuta.plumbing.database import Connection, Engine
from batuta.plumbing.events import facts_of
from batuta.plumbing.jobs import work
from batuta.plumbing.mail import BadMailAddress, MailUnavailable
from tests.mail_server import Mailbox, free_port, serving
from tests.making import NOW, fresh_code, fresh_id
from tests.notifications.making import EVERY_FACT, notice

SENDER = "Casa Clara <hola@casaclara.example.com>"


async def told(engine: Engine, *notices: Notice) -> list[bytes]:
    """Notify, and return the payloads of the jobs."""
    async with engine.begin() as db:
        answers = await notify(db, notices=notices, now=NOW)
    assert all(isinstance(answer, Message) for answer in answers), answers
    return [msgspec.json.encode(one.id) for one in notices]


async def status_of(engine: Engine, message_id: UUID) -> MessageStatus:
    async with engine.connect() as db:
        return (await messages_by_id(db, [message_id]))[message_id].status


async def test_a_notice_becomes_a_message_word_for_word(db: Connection) -> None:
    one = notice()

    (message,) = await notify(db, notices=[one], now=NOW)

    assert isinstance(message, Message)
    assert message.subject == "Hemos recibido tu pedido P-1042-7"
    assert "179,25\xa0€" in message.body
    assert message.status is MessageStatus.QUEUED
    assert await messages_by_key(db, [one.dedupe_key]) == {one.dedupe_key: message}
    assert await messages_of(db, [one.stream]) == {one.stream: [message]}


async def test_the_same_key_is_told_once(db: Connection) -> None:
    """CUS-05: dedupe; a reaction that runs twice tells once, even with other words or in one batch."""
    first = notice()
    again = msgspec.structs.replace(first, id=fresh_id(), facts=EVERY_FACT | {"name": "Eva"})

    (one, two) = await notify(db, notices=[first, again], now=NOW)
    (three,) = await notify(db, notices=[again], now=NOW)

    assert isinstance(one, Message)
    assert one.id == first.id
    assert one == two == three
    waiting = await db.scalar(
        text("SELECT count(*) FROM jobs.pgqueuer WHERE dedupe_key LIKE :key"), {"key": f"%{first.id}%"}
    )
    assert waiting == 1


async def test_who_tells_the_same_thing_at_once_gets_one_message(engine: Engine) -> None:
    """CUS-05: dedupe holds between transactions that do not see each other."""
    first = notice()

    async def tell() -> Message | BatutaError:
        async with engine.begin() as db:
            others = [notice(dedupe_key=f"{first.dedupe_key}-{i}") for i in range(5)]
            mine = msgspec.structs.replace(first, id=fresh_id())
            answers = await notify(db, notices=[mine, *reversed(others)], now=NOW)
            return answers[0]

    answers = await asyncio.gather(*(tell() for _ in range(8)))

    assert len({answer.id for answer in answers if isinstance(answer, Message)}) == 1
    async with engine.connect() as db:
        assert len((await messages_of(db, [first.stream]))[first.stream]) == 1


async def test_muted_messages_are_counted_and_have_neither_words_nor_jobs(db: Connection) -> None:
    before = await message_counts(db)
    jobs_before = await db.scalar(text("SELECT count(*) FROM jobs.pgqueuer"))

    answers = await notify(db, notices=[notice(is_muted=True, recipient="", facts={}) for _ in range(3)], now=NOW)

    assert all(isinstance(answer, Message) and answer.body == answer.subject == "" for answer in answers)
    assert (await message_counts(db))[MessageStatus.MUTED] == before[MessageStatus.MUTED] + 3
    assert await db.scalar(text("SELECT count(*) FROM jobs.pgqueuer")) == jobs_before


async def test_a_notice_that_cannot_be_written_is_answered_and_its_neighbours_are(db: Connection) -> None:
    first = notice()
    answers = await notify(
        db,
        notices=[
            first,
            notice(template="newsletter"),
            notice(template="newsletter", is_muted=True),
            notice(facts={}),
            notice(facts=EVERY_FACT | {"total_minor": "many"}),
            notice(recipient="ana@example.com\nBcc: everyone@example.com"),
            notice(id=first.id),
            notice(),
        ],
        now=NOW,
    )

    assert [type(answer) for answer in answers] == [
        Message,
        UnknownTemplate,
        UnknownTemplate,
        MissingFacts,
        BadFact,
        BadMailAddress,
        MessageIdTaken,
        Message,
    ]


async def test_a_mail_arrives_in_spanish_and_is_told_as_sent(engine: Engine) -> None:
    one = notice()
    payloads = await told(engine, one)
    mailbox = Mailbox()

    with serving(mailbox) as url:
        assert await send(engine, payloads, now=NOW, smtp_url=url, sender=SENDER) == [None]

    (mail,) = mailbox.taken
    assert mail["Subject"] == "Hemos recibido tu pedido P-1042-7"
    assert "y ya estamos con él" in mail.get_content()
    assert "179,25\xa0€" in mail.get_content()
    async with engine.connect() as db:
        message = (await messages_by_id(db, [one.id]))[one.id]
        (fact,) = (await facts_of(db, [one.stream]))[one.stream]
    assert (message.status, message.sent_at) == (MessageStatus.SENT, NOW)
    assert fact.name == "notifications.message_sent"
    assert fact.data == {"message_id": str(one.id), "template": "order_placed"}


async def test_a_job_that_runs_twice_sends_once(engine: Engine) -> None:
    payloads = await told(engine, notice())
    mailbox = Mailbox()

    with serving(mailbox) as url:
        for _ in range(2):
            assert await send(engine, [*payloads, *payloads], now=NOW, smtp_url=url, sender=SENDER) == [None, None]

    assert len(mailbox.taken) == 1


async def test_two_workers_with_the_same_job_send_once(engine: Engine) -> None:
    notices = [notice() for _ in range(20)]
    payloads = await told(engine, *notices)
    mailbox = Mailbox()

    with serving(mailbox) as url:
        answers = await asyncio.gather(
            *(send(engine, payloads, now=NOW, smtp_url=url, sender=SENDER) for _ in range(4))
        )

    assert len(mailbox.taken) == 20
    assert {type(answer) for several in answers for answer in several} <= {type(None), BeingSent}
    assert {await status_of(engine, one.id) for one in notices} == {MessageStatus.SENT}


async def test_a_refused_connection_is_tried_again(engine: Engine) -> None:
    one = notice()
    payloads = await told(engine, one)
    mailbox, port = Mailbox(), free_port()

    (problem,) = await send(engine, payloads, now=NOW, smtp_url=f"smtp://127.0.0.1:{port}", sender=SENDER)
    assert isinstance(problem, MailUnavailable)
    assert await status_of(engine, one.id) is MessageStatus.QUEUED

    with serving(mailbox, port) as url:
        assert await send(engine, payloads, now=NOW, smtp_url=url, sender=SENDER) == [None]
    assert len(mailbox.taken) == 1
    assert await status_of(engine, one.id) is MessageStatus.SENT


async def test_each_message_of_a_batch_has_its_own_fate(engine: Engine) -> None:
    gone, later, fine = notice(recipient="nobody@example.com"), notice(recipient="later@example.com"), notice()
    payloads = await told(engine, gone, later, fine)
    mailbox = Mailbox()

    with serving(mailbox) as url:
        answers = await send(engine, payloads, now=NOW, smtp_url=url, sender=SENDER)
        again = await send(engine, payloads, now=NOW, smtp_url=url, sender=SENDER)

    assert [type(answer) for answer in answers] == [type(None), MailUnavailable, type(None)]
    assert [type(answer) for answer in again] == [type(None), MailUnavailable, type(None)]
    assert len(mailbox.taken) == 1
    async with engine.connect() as db:
        messages = await messages_by_id(db, [gone.id, later.id, fine.id])
        (fact,) = (await facts_of(db, [gone.stream]))[gone.stream]
    assert messages[gone.id].status is MessageStatus.FAILED
    assert messages[gone.id].problem == "no such mailbox"
    assert messages[later.id].status is MessageStatus.QUEUED
    assert messages[later.id].problem == "greylisted"
    assert fact.name == "notifications.message_failed"


async def test_a_message_taken_by_a_process_that_died_is_sent_later(engine: Engine) -> None:
    one = notice()
    payloads = await told(engine, one)
    async with engine.begin() as db:
        await take_to_send(db, ids=[one.id], now=NOW)
    mailbox = Mailbox()

    with serving(mailbox) as url:
        (answer,) = await send(engine, payloads, now=NOW, smtp_url=url, sender=SENDER)
        assert isinstance(answer, BeingSent)
        assert await send(engine, payloads, now=NOW + SENDING, smtp_url=url, sender=SENDER) == [None]

    assert len(mailbox.taken) == 1


@pytest.mark.parametrize(("url", "sender"), [("mail.example.com", SENDER), ("smtp://127.0.0.1:1", "Casa Clara")])
async def test_settings_that_are_wrong_lose_no_message(engine: Engine, url: str, sender: str) -> None:
    one = notice()
    payloads = await told(engine, one)

    (problem,) = await send(engine, payloads, now=NOW, smtp_url=url, sender=sender)

    assert isinstance(problem, MailUnavailable)
    with serving(Mailbox()) as right:
        assert await send(engine, payloads, now=NOW, smtp_url=right, sender=SENDER) == [None]


async def test_a_job_about_no_message_says_so(engine: Engine) -> None:
    with serving(Mailbox()) as url:
        (answer,) = await send(engine, [msgspec.json.encode(fresh_id())], now=NOW, smtp_url=url, sender=SENDER)
        assert isinstance(answer, NoSuchMessage)
        assert await send(engine, [], now=NOW, smtp_url=url, sender=SENDER) == []


async def test_what_is_notified_leaves_by_the_queue(engine: Engine) -> None:
    """The whole way: the notice's transaction queues the job, the worker carries it out."""
    one = notice(recipient=f"{fresh_code('ana')}@example.com")
    await told(engine, one)
    mailbox = Mailbox()

    with serving(mailbox) as url:
        handlers = {"notifications.send": partial(send, smtp_url=url, sender=SENDER)}
        worker = new_id(NOW, random.Random(7))
        while await work(engine, handlers, now=NOW, worker=worker):
            pass

    assert one.recipient in {mail["To"] for mail in mailbox.taken}
    assert await status_of(engine, one.id) is MessageStatus.SENT


async def test_a_notice_whose_transaction_is_rolled_back_is_never_sent(engine: Engine) -> None:
    one = notice()
    async with engine.connect() as db:
        await db.begin()
        await notify(db, notices=[one], now=NOW)
        await db.rollback()

    async with engine.connect() as db:
        assert await messages_by_id(db, [one.id]) == {}
        waiting = await db.scalar(
            text("SELECT count(*) FROM jobs.pgqueuer WHERE dedupe_key LIKE :key"), {"key": f"%{one.id}%"}
        )
    assert waiting == 0
