"""HTTP to addresses that strangers have named: to the very address that was checked, no further, and not for long."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ssl import SSLContext
from time import perf_counter

import httpx

from batuta.connectors.webhooks.domain import (
    ANSWER_KEPT,
    AddressNotAllowed,
    Answer,
    BadUrl,
    Post,
    Posting,
    check_resolved,
    check_url,
)

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Find the IP addresses of a host and port."""

WITHIN_S = 10.0
CONNECTED_WITHIN_S = 5.0
BODY_WITHIN_S = 1.0
ADDRESSES_TRIED_MAX = 2
RESOLVERS = 16
AGENT = "batuta-webhooks/1"

_resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="webhook-names")
"""Of our own: a name server that does not answer must not take the threads of others."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _resolvers, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    )
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Sender:
    """The way out of a process. open: a session for one endpoint, which keeps its connections for a while."""

    def __init__(
        self,
        *,
        is_private_allowed: bool,
        resolve: Resolve = resolve,
        ssl: SSLContext | None = None,
        within_s: float = WITHIN_S,
    ) -> None:
        self._is_private_allowed = is_private_allowed
        self._resolve = resolve
        self._ssl = ssl or httpx.create_ssl_context(trust_env=False)
        self._within_s = within_s

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Post]:
        """A session; it is for one endpoint, since connections are known by their address and not by their host."""
        timeout = httpx.Timeout(self._within_s, connect=min(CONNECTED_WITHIN_S, self._within_s))
        async with httpx.AsyncClient(
            verify=self._ssl, trust_env=False, follow_redirects=False, timeout=timeout, headers={"user-agent": AGENT}
        ) as client:

            async def post(posting: Posting) -> Answer:
                return await self._post(client, posting)

            yield post

    async def _post(self, client: httpx.AsyncClient, posting: Posting) -> Answer:
        started = perf_counter()
        answer: Answer
        try:
            async with asyncio.timeout(self._within_s):
                answer = await self._send(client, posting)
        except (AddressNotAllowed, BadUrl) as problem:
            answer = Answer(problem=f"{problem.code}: {problem.sentence}")
        except TimeoutError:
            answer = Answer(problem=f"no answer within {self._within_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as problem:
            answer = Answer(problem=f"{type(problem).__name__}: {problem}"[:ANSWER_KEPT])
        return _timed(answer, perf_counter() - started)

    async def _send(self, client: httpx.AsyncClient, posting: Posting) -> Answer:
        """Resolve and check the host, then connect to one of the addresses that were checked and to no other."""
        check_url(posting.url, is_private_allowed=self._is_private_allowed)
        url = httpx.URL(posting.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        host = url.raw_host.decode("ascii")
        found = await self._resolve(host, port)
        addresses = check_resolved(host, found, is_private_allowed=self._is_private_allowed)
        *first, last = addresses[:ADDRESSES_TRIED_MAX]
        for address in first:
            with contextlib.suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await self._send_to(client, posting, url, address)
        return await self._send_to(client, posting, url, last)

    async def _send_to(self, client: httpx.AsyncClient, posting: Posting, url: httpx.URL, address: str) -> Answer:
        request = client.build_request(
            "POST",
            url.copy_with(host=address.partition("%")[0]),
            headers={**posting.headers, "host": url.netloc.decode("ascii"), "accept-encoding": "identity"},
            content=posting.body,
            # The certificate is checked against this name as well.
            extensions={"sni_hostname": url.raw_host.decode("ascii")},
        )
        response = await client.send(request, stream=True)
        try:
            return Answer(
                status=response.status_code,
                excerpt=await _beginning(response),
                retry_after=_retry_after(response.headers.get("retry-after", "")),
            )
        finally:
            await response.aclose()


async def _beginning(response: httpx.Response) -> str:
    """How the body begins; the rest is not read, and what breaks in it is no matter: the answer is the status."""
    kept = b""
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in response.aiter_raw():
                kept += part
                if len(kept) >= ANSWER_KEPT:
                    break
    return kept[:ANSWER_KEPT].decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def _retry_after(header: str) -> timedelta | None:
    """Seconds only: a date would need the other side's clock to be right."""
    is_seconds = header.isascii() and header.isdigit() and len(header) <= len("86400")
    return timedelta(seconds=int(header)) if is_seconds else None


def _timed(answer: Answer, seconds: float) -> Answer:
    return Answer(
        status=answer.status,
        problem=answer.problem,
        excerpt=answer.excerpt,
        retry_after=answer.retry_after,
        duration_ms=round(seconds * 1_000),
    )
