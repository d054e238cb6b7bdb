"""Bodies read as their types say: no text where a number is meant, no number where a truth is."""

from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.exceptions import SerializationException
from litestar.serialization import decode_json

from batuta.plumbing.web.bodies import TAKES_JSON, with_whole_numbers


class StrictRequest(Request[Any, Any, State]):
    """A request whose JSON is read into its route's type at once; the framework itself would read `"7"` as 7."""

    async def json(self) -> Any:
        """The body, as the type that its route takes."""
        if not self.route_handler.opt.get(TAKES_JSON):
            return await super().json()
        kind = self.route_handler.parsed_fn_signature.parameters["data"].annotation
        try:
            body = with_whole_numbers(await self.body() or b"null")
            return decode_json(body, target_type=kind, strict=True)
        except msgspec.DecodeError as problem:
            raise SerializationException(str(problem)) from problem
        except RecursionError as problem:
            raise SerializationException("the JSON is nested too deep") from problem
