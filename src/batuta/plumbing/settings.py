"""What an installation may set, from the environment (`BATUTA_*`) or one TOML file, and whence each value came.

The environment wins over the file, the file over the default; a variable that is empty says nothing. A name nobody
knows is an error: a misspelt setting that is silently ignored is found in production.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta, inspect

from batuta.kernel.errors import Invalid

PREFIX = "BATUTA_"
FILE_VARIABLE = "BATUTA_SETTINGS"
FILE_NAME = "batuta.toml"
SECRET = {"is_secret": True}
ANSWERS = {"yes": True, "on": True, "no": False, "off": False}
"""How a variable may answer besides true, false, 1 and 0, in capitals or not."""

Port = Annotated[int, Meta(ge=1, le=65_535)]


class UnknownSetting(Invalid):
    """There is no setting of that name."""


class BadSetting(Invalid):
    """A setting's value does not fit."""


class BadSettingsFile(Invalid):
    """The settings file is missing, unreadable or no TOML."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that differs between installations. Business policies are data, not settings."""

    database_url: Annotated[
        str | None,
        Meta(
            description="PostgreSQL 17 or newer to use, as postgresql://user:password@host:5432/name; "
            "without it batuta runs its own in the data folder",
            extra=SECRET,
        ),
    ] = None
    database_port: Annotated[
        Port | None,
        Meta(description="port of 127.0.0.1 where the embedded database also listens; without it, nowhere"),
    ] = None
    database_connections: Annotated[
        int,
        Meta(
            ge=2,
            le=90,
            description="how many database connections a process keeps for requests; its worker has 5 more",
        ),
    ] = 10
    data_folder: Annotated[
        Path, Meta(description="where the embedded database lives; relative to the settings file that names it")
    ] = Path(".batuta")
    demo_company: Annotated[
        bool | None,
        Meta(
            description="whether an empty database begins with the demo company, Casa Alisio; "
            "unless said, the embedded one does and one of your own does not"
        ),
    ] = None
    worker: Annotated[
        bool,
        Meta(
            description="whether this process also does what follows by itself (sweeps, the score, jobs); of the "
            "processes over one database at least one must, and any number may"
        ),
    ] = True
    host: Annotated[str, Meta(description="address to listen on for HTTP")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on for HTTP")] = 8000
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="the least important logs shown")
    ] = "info"
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="console for people, json for machines, auto: console on a terminal"),
    ] = "auto"
    smtp_url: Annotated[
        str | None,
        Meta(
            description="mail server, as smtp://user:password@host:587 (STARTTLS) or smtps://…:465; "
            "without it mail is not sent but kept",
            extra=SECRET,
        ),
    ] = None
    webhooks_allow_private: Annotated[
        bool,
        Meta(
            description="whether webhooks may go to private addresses and by plain http; "
            "whoever may name their addresses can then reach into this network"
        ),
    ] = False
    mail_sender: Annotated[str, Meta(description="the From address of mail that no brand sends")] = "batuta@localhost"
    oidc_issuer: Annotated[
        str | None,
        Meta(
            description="OpenID Connect provider by which staff may sign in too, as https://…; it must know the "
            "callback …/api/session/openid/callback, and tell verified e-mails"
        ),
    ] = None
    oidc_client_id: Annotated[str | None, Meta(description="how that provider knows batuta")] = None
    oidc_client_secret: Annotated[
        str | None, Meta(description="the secret that batuta shares with that provider", extra=SECRET)
    ] = None


class Origin(StrEnum):
    """Whence a value came."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


class Described(msgspec.Struct, frozen=True):
    """One setting for people to read; a secret's value is masked."""

    name: str
    variable: str
    shown: str
    origin: Origin
    description: str


class Loaded(msgspec.Struct, frozen=True):
    """Settings with the origin of each, and the file that was read."""

    settings: Settings
    origins: Mapping[str, Origin]
    file: Path | None

    def described(self) -> list[Described]:
        """Document every setting, in the order of `Settings`."""
        return [
            Described(
                name=name,
                variable=PREFIX + name.upper(),
                shown=_shown(getattr(self.settings, name), is_secret=bool((meta.extra or {}).get("is_secret"))),
                origin=self.origins[name],
                description=meta.description or "",
            )
            for name, meta in _metas().items()
        ]


def load_settings(environment: Mapping[str, str] = os.environ, *, folder: Path | None = None) -> Loaded:
    """Read the file (`BATUTA_SETTINGS`, else `batuta.toml` in `folder` or the working directory) and the environment.

    Raises:
        UnknownSetting, BadSetting, BadSettingsFile: with the setting, its origin and what would fit.
    """
    file = _settings_file(environment, folder or Path.cwd())
    in_file = _read(file) if file else {}
    in_environment = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if value and name.startswith(PREFIX) and name != FILE_VARIABLE
    }
    values: dict[str, Any] = {}
    origins = dict.fromkeys(_metas(), Origin.DEFAULT)
    for origin, given in ((Origin.FILE, in_file), (Origin.ENVIRONMENT, in_environment)):
        for name, value in given.items():
            values[name] = _convert(name, value, file=file if origin is Origin.FILE else None)
            origins[name] = origin
    if file and origins["data_folder"] is Origin.FILE:
        values["data_folder"] = file.parent / values["data_folder"]
    return Loaded(Settings(**values), origins, file)


def _settings_file(environment: Mapping[str, str], folder: Path) -> Path | None:
    if named := environment.get(FILE_VARIABLE):
        return folder / named
    found = folder / FILE_NAME
    return found if found.exists() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text())
    except OSError as error:
        sentence = f"the settings file {file} cannot be read: {error.strerror}"
        raise BadSettingsFile(sentence, file=str(file), reason=error.strerror) from error
    except ValueError as error:
        raise BadSettingsFile(f"{file} is not TOML: {error}", file=str(file), reason=str(error)) from error


def _convert(name: str, value: Any, *, file: Path | None) -> object:
    """Fit one value to its field; the environment (no file) has only text, so there `8000` is a number."""
    kind = Settings.__annotations__.get(name)
    shown, place = (name, f" in {file}") if file else (PREFIX + name.upper(), "")
    origin = {"origin": Origin.FILE, "file": str(file)} if file else {"origin": Origin.ENVIRONMENT}
    if kind is None:
        near = [one if file else PREFIX + one.upper() for one in difflib.get_close_matches(name, _metas(), n=1)]
        hint = f"did you mean {near[0]}?" if near else "`batuta settings` shows those that there are"
        raise UnknownSetting(f"there is no setting {shown}{place}; {hint}", setting=shown, near=near, **origin)
    plain = _plain(kind)
    if isinstance(plain, inspect.BoolType) and not file:
        value = ANSWERS.get(value.lower(), value)
    try:
        return msgspec.convert(value, kind, strict=file is not None, dec_hook=_to_path)
    except msgspec.ValidationError as error:
        meta, wanted = _metas()[name], _wanted(plain)
        given = "what it says" if meta.extra else repr(value)
        sentence = f"{shown}{place} takes {wanted}, and {given} is not that"
        raise BadSetting(sentence, setting=shown, wanted=wanted, meaning=meta.description, **origin) from error


def _plain(kind: object) -> inspect.Type:
    """The type of a setting, without its description and without its absence."""
    found = inspect.type_info(kind)
    found = found.type if isinstance(found, inspect.Metadata) else found
    return found.types[0] if isinstance(found, inspect.UnionType) else found


def _wanted(plain: inspect.Type) -> str:
    """What a setting of this type takes, for people."""
    match plain:
        case inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
        case _:
            return "a text"


def _to_path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise msgspec.ValidationError(f"Expected `str`, got `{type(value).__name__}`")


def _metas() -> dict[str, Meta]:
    return {name: kind.__metadata__[-1] for name, kind in Settings.__annotations__.items()}


def _shown(value: object, *, is_secret: bool) -> str:
    if value is None:
        return "-"
    if not is_secret:
        return str(value)
    return masked(str(value)) if "://" in str(value) else "***"


def masked(url: str) -> str:
    """Return the address with its password, if any, as `***`."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    sign_in, _, host = parts.netloc.rpartition("@")
    user = sign_in.split(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}:***@{host}"))
