"""What the customer reads: each mail once, in the order's language, in order."""

from collections.abc import Iterator

import pytest

from batuta.company.domain import Policies
from batuta.plumbing.settings import Settings
from tests.journeys.conftest import OpenShop
from tests.journeys.journey import Journey
from tests.mail_server import Mailbox, serving

STOCK = {"chair": {"north": 9}}
UNMUTED = Policies(label_format="zpl")


class Post:
    def __init__(self, mailbox: Mailbox, settings: Settings) -> None:
        self.mailbox = mailbox
        self.settings = settings

    def to(self, recipient: str) -> list[tuple[str, str]]:
        """Subject and text of every mail that this customer got."""
        return [(str(one["Subject"]), one.get_content()) for one in self.mailbox.taken if recipient in str(one["To"])]


@pytest.fixture
def post() -> Iterator[Post]:
    mailbox = Mailbox()
    with serving(mailbox) as url:
        yield Post(mailbox, Settings(smtp_url=url, mail_sender="tienda@casa.example"))


async def whole_order(journey: Journey, locale: str, email: str) -> str:
    order_id = await journey.buy(("chair", 2), gross_minor=5_490, locale=locale, email=email)
    await journey.send(order_id)
    await journey.carrier_says(order_id, "out_for_delivery", journey.now)
    await journey.carrier_says(order_id, "delivered", journey.now)
    await journey.carrier_says(order_id, "delivered", journey.now)
    return (await journey.order(order_id)).number


async def test_a_whole_order_in_two_languages_is_told_once_and_in_order(open_shop: OpenShop, post: Post) -> None:
    journey = await open_shop(STOCK, settings=post.settings, policies=UNMUTED)
    # Addresses of this story alone: mails that other stories left waiting are sent with its own.
    ana, ann = f"ana-{journey.shop.channel.code}@example.com", f"ann-{journey.shop.channel.code}@example.com"
    spanish = await whole_order(journey, "es", ana)
    english = await whole_order(journey, "en", ann)

    told_ana, told_ann = post.to(ana), post.to(ann)

    assert [len(told_ana), len(told_ann)] == [3, 3]
    assert all(spanish in subject + text for subject, text in told_ana)
    assert all(english in subject + text for subject, text in told_ann)
    placed, shipped, delivered = (subject + text for subject, text in told_ana)
    assert "54,90" in placed
    assert "Rápido" in shipped
    assert "pedido" in placed.lower()
    assert "entreg" in delivered.lower()
    placed, shipped, delivered = (subject + text for subject, text in told_ann)
    assert "€54.90" in placed
    assert "order" in placed.lower()
    assert "delivered" in delivered.lower()


async def test_a_mailbox_that_does_not_exist_holds_no_order_up(open_shop: OpenShop, post: Post) -> None:
    journey = await open_shop(STOCK, settings=post.settings, policies=UNMUTED)
    order_id = await journey.buy(("chair", 1), gross_minor=2_990, email="nobody@example.com")

    assert post.to("nobody@example.com") == []
    assert await journey.told(order_id) == ["order_placed"]
    await journey.send(order_id)
    assert (await journey.money(order_id)).captured_minor == 2_990


async def test_a_declined_card_is_told_and_so_is_the_money_that_goes_back(open_shop: OpenShop, post: Post) -> None:
    journey = await open_shop(STOCK, settings=post.settings, policies=UNMUTED)
    await journey.buy(("chair", 1), gross_minor=2_990, token="tok_declined", locale="en", email="bob@example.com")
    refused = [subject.lower() for subject, _ in post.to("bob@example.com")]
    assert len(refused) == 2
    assert "payment" in refused[1]

    order_id = await journey.buy(("chair", 1), gross_minor=2_990, locale="en", email="eve@example.com")
    await journey.send(order_id)
    await journey.carrier_says(order_id, "returned", journey.now)
    told = [subject.lower() for subject, _ in post.to("eve@example.com")]
    assert len(told) == 4
    assert sum("refund" in subject for subject in told) == 1
    assert sum("cancel" in subject for subject in told) == 1
