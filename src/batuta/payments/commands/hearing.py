"""Hearing providers: which are installed, and what they tell by themselves."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from importlib.metadata import entry_points

import msgspec

from batuta.kernel.errors import Invalid, NotFound
from batuta.payments.commands.settling import settle
from batuta.payments.domain import Provider, ReportDoesNotFit, ReportTooEarly, Settled, UnknownProvider
from batuta.plumbing.database import Engine

PROVIDERS = "batuta.payments"


class ProviderNotFound(NotFound):
    """No payment provider of this name is installed here."""


class UnreadableWebhook(Invalid):
    """The provider signed it, and what it holds is no report of a payment."""


async def take_webhook(
    engine: Engine, *, provider: str, body: bytes, headers: Mapping[str, str], now: datetime
) -> list[Settled | ReportDoesNotFit | ReportTooEarly]:
    """Settle what a provider tells by itself.

    Raises:
        ProviderNotFound: no adapter has this name.
        BadWebhook: the provider did not sign it.
        UnreadableWebhook: it says nothing that can be understood.
    """
    # Anybody may call, so a name that is made up must cost nothing.
    if provider not in _installed():
        raise ProviderNotFound("no payment provider of this name is installed", provider=provider)
    try:
        reports = find_provider(provider, engine).read_webhook(body, headers, now=now)
    except msgspec.MsgspecError as problem:
        raise UnreadableWebhook("the webhook is signed, but no report", why=str(problem)) from problem
    async with engine.begin() as db:
        return await settle(db, reports=reports, now=now)


@lru_cache(maxsize=100)
def find_provider(name: str, engine: Engine) -> Provider:
    """The installed adapter of this name, built once for this engine.

    Raises:
        UnknownProvider: no adapter has this name.
    """
    found = entry_points(group=PROVIDERS, name=name)
    if not found:
        raise UnknownProvider("no payment provider of this name is installed", provider=name)
    provider: Provider = next(iter(found)).load()(engine)
    return provider


@lru_cache(maxsize=1)
def _installed() -> frozenset[str]:
    return frozenset(one.name for one in entry_points(group=PROVIDERS))
