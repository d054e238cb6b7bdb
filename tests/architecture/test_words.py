"""What batuta refuses is told in Spanish too: every refusal that can reach a client has its words."""

import importlib
import pkgutil
from collections.abc import Iterator
from http import HTTPStatus

import batuta
from batuta.kernel.errors import BatutaError
from batuta.plumbing.web.problems import CODE_BY_STATUS, SENTENCES, STATUS_BY_KIND, words_in_spanish

TOLD_ON_THE_TERMINAL = {
    "bad_database_url",
    "bad_issuer",
    "bad_mail_server",
    "bad_setting",
    "bad_settings_file",
    "folder_in_use",
    "folder_not_usable",
    "http_address_not_usable",
    "http_port_taken",
    "migration_waits",
    "newer_database",
    "no_account",
    "no_database",
    "no_such_reaction",
    "not_held",
    "not_let_in",
    "not_running",
    "nothing_parked",
    "older_database",
    "other_major_version",
    "port_taken",
    "queued_again",
    "server_too_old",
    "still_fails",
    "unknown_setting",
}
"""Refusals of commands and of starting: no request is answered with them."""


def all_errors() -> set[type[BatutaError]]:
    for module in pkgutil.walk_packages(batuta.__path__, "batuta."):
        if ".migrations." not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return set(below(BatutaError)) - set(STATUS_BY_KIND)


def below(kind: type[BatutaError]) -> Iterator[type[BatutaError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("batuta."):
            yield one
            yield from below(one)


def test_every_refusal_that_reaches_a_client_has_words_in_spanish() -> None:
    """I18N: add the sentence to `plumbing/web/problems.es.toml` when you add the error."""
    codes = {one.code for one in all_errors()} | {*CODE_BY_STATUS.values(), *SENTENCES}
    words = {key for key in words_in_spanish() if not key.isdigit()}

    assert codes - TOLD_ON_THE_TERMINAL - words == set()
    assert words - codes == set(), "these are nobody's"
    assert codes >= TOLD_ON_THE_TERMINAL
    assert not TOLD_ON_THE_TERMINAL & words


def test_every_status_has_a_title_in_spanish() -> None:
    statuses = {*STATUS_BY_KIND.values(), *CODE_BY_STATUS, HTTPStatus.INTERNAL_SERVER_ERROR}

    assert {int(key) for key in words_in_spanish() if key.isdigit()} == statuses


def test_spanish_sentences_are_sentences() -> None:
    for code, sentence in words_in_spanish().items():
        if not code.isdigit():
            assert sentence[0].isupper() or sentence.startswith("batuta"), code
            assert sentence.endswith("."), code
