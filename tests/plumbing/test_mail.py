"""Mail, through a real SMTP server on the loopback."""

from collections.abc import Iterator
from typing import Any

import pytest

from batuta.plumbing.mail import (
    BadMailAddress,
    BadMailServer,
    Mail,
    MailRefused,
    MailUnavailable,
    mail_address,
    send,
)
from tests.mail_server import Mailbox, free_port, serving
from tests.making import NOW, fresh_id

SENDER = "Casa Clara <hola@casaclara.example.com>"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[str]:
    with serving(mailbox) as url:
        yield url


def mail(**more: Any) -> Mail:
    return Mail(
        **{
            "id": fresh_id(),
            "recipient": "ana@example.com",
            "subject": "Hemos recibido tu pedido",
            "text": "Hola, Ana:\n\nEl envío llegará mañana. Son 12,50 €.\n",
            **more,
        }
    )


async def test_spanish_text_arrives_as_it_was_written(server: str, mailbox: Mailbox) -> None:
    sent = mail(subject="¡Año nuevo, envío gratis! ¿Vienes?")

    assert await send([sent], url=server, sender=SENDER, now=NOW) == [None]

    (taken,) = mailbox.taken
    assert taken["Subject"] == sent.subject
    assert taken.get_content().replace("\r\n", "\n") == sent.text
    assert taken.get_content_type() == "text/plain"
    assert (taken["From"], taken["To"]) == (SENDER, "ana@example.com")
    assert taken["Message-ID"] == f"<{sent.id}@casaclara.example.com>"
    assert taken["Date"].datetime == NOW


async def test_html_comes_beside_the_text(server: str, mailbox: Mailbox) -> None:
    await send([mail(html="<p>Mañana</p>")], url=server, sender=SENDER, now=NOW)

    (taken,) = mailbox.taken
    assert [part.get_content_type() for part in taken.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028", "\n ", "\x00"])
async def test_a_subject_cannot_begin_another_header(server: str, mailbox: Mailbox, newline: str) -> None:
    hostile = f"Pedido{newline}Bcc: everyone@example.com{newline}{newline}<script>"

    await send([mail(subject=hostile)], url=server, sender=SENDER, now=NOW)

    (taken,) = mailbox.taken
    assert taken["Subject"] == "Pedido Bcc: everyone@example.com <script>"
    assert "Bcc" not in taken
    assert "mañana" in taken.get_content()


@pytest.mark.parametrize(
    "recipient",
    ["", "ana", "ana@", "ana@example.com\nBcc: x@example.com", "ana@example.com, x@example.com", "a b@c.es"],
)
async def test_what_is_no_address_is_refused_and_its_neighbour_sent(
    server: str, mailbox: Mailbox, recipient: str
) -> None:
    with pytest.raises(BadMailAddress):
        mail_address(recipient)

    wrong, right = await send([mail(recipient=recipient), mail()], url=server, sender=SENDER, now=NOW)

    assert isinstance(wrong, MailRefused)
    assert right is None
    assert len(mailbox.taken) == 1


async def test_a_domain_with_accents_is_written_as_servers_know_it(server: str, mailbox: Mailbox) -> None:
    assert await send([mail(recipient="ana@españa.es")], url=server, sender=SENDER, now=NOW) == [None]

    assert mailbox.taken[0]["To"] == "ana@xn--espaa-rta.es"


async def test_each_mail_has_its_own_answer_over_one_connection(server: str, mailbox: Mailbox) -> None:
    outcomes = await send(
        [mail(), mail(recipient="nobody@example.com"), mail(recipient="later@example.com"), mail(text="spam"), mail()],
        url=server,
        sender=SENDER,
        now=NOW,
    )

    assert [type(one) for one in outcomes] == [type(None), MailRefused, MailUnavailable, MailRefused, type(None)]
    assert isinstance(outcomes[1], MailRefused)
    assert outcomes[1].facts["reply"] == 550
    assert len(mailbox.taken) == 2


async def test_a_server_that_is_away_is_no_reason_to_give_up() -> None:
    outcomes = await send([mail(), mail()], url=f"smtp://127.0.0.1:{free_port()}", sender=SENDER, now=NOW)

    assert [type(one) for one in outcomes] == [MailUnavailable] * 2


async def test_a_server_without_the_tls_that_is_asked_for_gets_no_mail(server: str, mailbox: Mailbox) -> None:
    (outcome,) = await send([mail()], url=server.replace("smtp:", "smtp+starttls:"), sender=SENDER, now=NOW)

    assert isinstance(outcome, MailUnavailable)
    assert mailbox.taken == []


@pytest.mark.parametrize("url", ["", "http://example.com", "smtp://", "smtp://host:port", "mail.example.com:25"])
async def test_an_address_of_no_mail_server_is_invalid_and_shows_no_password(url: str) -> None:
    with pytest.raises(BadMailServer):
        await send([mail()], url=url, sender=SENDER, now=NOW)
    with pytest.raises(BadMailServer) as refusal:
        await send([mail()], url="ftp://user:hunter2@host", sender=SENDER, now=NOW)
    assert "hunter2" not in repr(refusal.value)


@pytest.mark.parametrize("sender", ["", "Casa Clara", "Casa Clara <>", "a@b@c"])
async def test_a_sender_without_an_address_is_invalid(server: str, sender: str) -> None:
    with pytest.raises(BadMailAddress):
        await send([mail()], url=server, sender=sender, now=NOW)
