"""The way out: to the very address that was checked, no further, and not for long (PLT-04, PLT-05)."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from batuta.connectors.webhooks.adapters.http import Sender
from batuta.connectors.webhooks.domain import Answer, Posting, Result
from tests.connectors.webhooks.receivers import Flood, Stranger, dripping, silent, slow_headers

QUICKLY = 1.0


class Names:
    """A name server: what it answers to the first, second … question; the last one to all that follow."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, _port: int) -> list[str]:
        answer = self._answers[min(len(self.asked), len(self._answers) - 1)]
        self.asked.append(host)
        return [answer]


async def post(url: str, sender: Sender, *, body: bytes = b"{}") -> Answer:
    async with sender.open() as send:
        return await send(Posting(url=url, headers={"webhook-id": "1"}, body=body))


def a_sender(*addresses: str, is_private_allowed: bool = True, tls: ssl.SSLContext | None = None) -> Sender:
    names = Names(*(addresses or ("127.0.0.1",)))
    return Sender(is_private_allowed=is_private_allowed, resolve=names, ssl=tls, within_s=QUICKLY)


async def test_a_message_arrives_with_the_host_that_was_named_at_the_address_that_was_found() -> None:
    async with Stranger().listening() as shop:
        answer = await post(f"http://shop.example.com:{shop.port}/hooks?a=1", a_sender(), body=b'{"a":1}')

    assert (answer.status, answer.result) == (204, Result.TAKEN)
    (got,) = shop.got
    assert got.headers["host"] == f"shop.example.com:{shop.port}"
    assert (got.headers["webhook-id"], got.body) == ("1", b'{"a":1}')


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "0.0.0.0",  # noqa: S104 - nobody listens there
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:a00:1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
        "::127.0.0.1",
        "ff02::1",
        "fec0::1",
    ],
)
async def test_an_address_inside_is_refused_after_its_name_was_resolved(address: str) -> None:
    async with Stranger().listening() as inner:
        sender = a_sender(address, is_private_allowed=False)
        answer = await post(f"https://shop.example.com:{inner.port}/", sender)

    assert answer.status is None
    assert answer.problem.startswith("address_not_allowed")
    assert not inner.connections


async def test_a_name_with_one_address_inside_is_refused_whole() -> None:
    async def both(_host: str, _port: int) -> list[str]:
        return ["93.184.215.14", "127.0.0.1"]

    sender = Sender(is_private_allowed=False, resolve=both, within_s=QUICKLY)
    answer = await post("https://shop.example.com/", sender)
    assert answer.problem.startswith("address_not_allowed")


async def test_a_name_that_means_another_address_the_second_time_leads_nowhere_else() -> None:
    """The address is looked up once for each try, checked, and connected to; what the name means later is no matter."""
    names = Names("127.0.0.1", "127.0.0.2")
    async with Stranger().listening("127.0.0.1") as first:
        second = Stranger()
        second.port = first.port
        async with second.listening("127.0.0.2"):
            sender = Sender(is_private_allowed=True, resolve=names, within_s=QUICKLY)
            await post(f"http://shop.example.com:{first.port}/", sender)
            assert (len(first.got), second.connections, names.asked) == (1, 0, ["shop.example.com"])

    names = Names("203.0.114.1", "127.0.0.1")
    async with Stranger().listening() as inner:
        sender = Sender(is_private_allowed=False, resolve=names, within_s=0.2)
        await post(f"https://shop.example.com:{inner.port}/", sender)
        rebound = await post(f"https://shop.example.com:{inner.port}/", sender)
    assert rebound.problem.startswith("address_not_allowed")
    assert not inner.connections


async def test_a_redirect_is_not_followed() -> None:
    async with Stranger().listening() as inner:
        location = f"http://127.0.0.1:{inner.port}/latest/meta-data"
        redirect = f"HTTP/1.1 307 Temporary Redirect\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        async with Stranger(redirect.encode()).listening() as shop:
            answer = await post(f"http://shop.example.com:{shop.port}/", a_sender())
    assert (answer.status, answer.result) == (307, Result.REFUSED)
    assert not inner.connections


async def test_an_answer_of_ten_gigabytes_is_not_read() -> None:
    flood = Flood()
    async with Stranger(flood).listening() as shop:
        answer = await post(f"http://shop.example.com:{shop.port}/", a_sender())
    assert (answer.status, answer.result) == (200, Result.TAKEN)
    assert len(answer.excerpt) == 1_000
    assert flood.sent < 20_000_000


async def test_who_says_yes_and_then_drips_has_said_yes() -> None:
    async with Stranger(dripping).listening() as shop:
        sender = Sender(is_private_allowed=True, resolve=Names("127.0.0.1"), within_s=3.0)
        answer = await post(f"http://shop.example.com:{shop.port}/", sender)
    assert (answer.status, answer.result) == (200, Result.TAKEN)


@pytest.mark.parametrize("behaviour", [silent, slow_headers])
async def test_who_does_not_answer_in_time_is_not_waited_for(behaviour: object) -> None:
    async with Stranger(behaviour).listening() as shop:  # type: ignore[arg-type]
        answer = await post(f"http://shop.example.com:{shop.port}/", a_sender())
    assert (answer.status, answer.result) == (None, Result.AILING)
    assert "no answer within 1 s" in answer.problem or "Timeout" in answer.problem
    assert answer.duration_ms < 3_000


@pytest.mark.parametrize(
    ("said", "result"),
    [
        (b"HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", Result.GONE),
        (b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", Result.AILING),
        (b"HTTP/1.1 422 No\r\ncontent-length: 0\r\n\r\n", Result.REFUSED),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Result.AILING),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n", Result.AILING),
    ],
)
async def test_what_strangers_say_is_understood(said: bytes, result: Result) -> None:
    async with Stranger(said).listening() as shop:
        answer = await post(f"http://shop.example.com:{shop.port}/", a_sender())
    assert answer.result is result


async def test_what_is_asked_for_in_seconds_is_heard() -> None:
    said = b"HTTP/1.1 429 Slow down\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n"
    async with Stranger(said).listening() as shop:
        answer = await post(f"http://shop.example.com:{shop.port}/", a_sender())
    assert (answer.result, answer.retry_after) == (Result.AILING, dt.timedelta(minutes=2))


async def test_an_address_where_nobody_listens_and_a_name_that_nobody_knows_are_told() -> None:
    async with Stranger().listening() as shop:
        port = shop.port
    assert "ConnectError" in (await post(f"http://shop.example.com:{port}/", a_sender())).problem

    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    sender = Sender(is_private_allowed=False, resolve=unknown, within_s=QUICKLY)
    assert "Name or service not known" in (await post("https://nowhere.example.com/", sender)).problem


async def test_a_session_keeps_its_connection() -> None:
    async with Stranger().listening() as shop, a_sender().open() as send:
        for _ in range(3):
            await send(Posting(url=f"http://shop.example.com:{shop.port}/", headers={}, body=b""))
    assert (len(shop.got), shop.connections) == (3, 1)


async def test_a_certificate_must_be_of_the_host_that_was_named(tmp_path: Path) -> None:
    """The address is an IP, but the handshake names the host and the certificate is checked against it."""
    server, client, named = certified("shop.example.com", tmp_path)
    async with Stranger().listening(tls=server) as shop:
        good = await post(f"https://shop.example.com:{shop.port}/", a_sender(tls=client))
        other = await post(f"https://other.example.com:{shop.port}/", a_sender(tls=client))
        stranger = await post(f"https://shop.example.com:{shop.port}/", a_sender())

    assert good.status == 204, good.problem
    assert "Hostname mismatch" in other.problem
    assert "CERTIFICATE_VERIFY_FAILED" in stranger.problem
    assert named == ["shop.example.com", "other.example.com", "shop.example.com"]
    assert len(shop.got) == 1


def certified(host: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext, list[str]]:
    """A server's context with a certificate for the host, a client's that trusts it, and the names asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2060, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    unlocked = serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unlocked)
    (folder / "server.pem").write_bytes(pem + secret)
    named: list[str] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    server.sni_callback = lambda _socket, server_name, _context: named.append(str(server_name))
    client = ssl.create_default_context(cadata=pem.decode())
    return server, client, named
