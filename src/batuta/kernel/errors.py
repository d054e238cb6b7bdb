"""The seven ways in which batuta says no. A room subclasses one beside the function that raises it."""

import re
from typing import ClassVar


class BatutaError(Exception):
    """An answer, not an accident: a sentence for people, a stable `code` and facts for programs."""

    code: ClassVar[str] = "batuta_error"

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.facts = facts

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.sentence!r}, {self.facts!r})"


class Invalid(BatutaError):
    """The request does not fit the schema; sending it again unchanged cannot help."""


class Refused(BatutaError):
    """The request is understood, and a business rule says no; the facts tell why and what else is possible."""


class NotFound(BatutaError):
    """Nothing by that id or code, or nothing that the asker may see."""


class Unauthenticated(BatutaError):
    """Nobody we know asks; whoever signs in may ask again."""


class Forbidden(BatutaError):
    """The asker has no right to this."""


class Unavailable(BatutaError):
    """A part that is needed does not answer now; the same request may succeed later."""


class TooMany(BatutaError):
    """Asked more often than is allowed; `retry_after_s` says when to ask again."""

    def __init__(self, sentence: str, *, retry_after_s: int, **facts: object) -> None:
        super().__init__(sentence, retry_after_s=retry_after_s, **facts)
        self.retry_after_s = retry_after_s
