"""The built-in test provider, as strict as a real one, with books of its own.

It recognises repeated calls by their key and refuses a key with another body; holds money for seven days; refuses to
capture, void or refund more than there is, anything in another currency, and captures after the end of the hold.
Some tokens misbehave on purpose. Each call is one statement that commits by itself, without waiting for the disk.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import msgspec
from asyncpg import Record
from asyncpg.exceptions import UniqueViolationError
from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text, Uuid
from stdnum import luhn

from batuta.kernel.errors import Invalid, Refused
from batuta.payments.domain import (
    BadWebhook,
    Call,
    Capabilities,
    InstructionKind,
    ProviderBook,
    ProviderUnavailable,
    Report,
    ReportKind,
)
from batuta.plumbing.audit import Law
from batuta.plumbing.database import Engine, Instant, Row, metadata

HOLD_LIFE = timedelta(days=7)
EXTENDED_LIFE = timedelta(days=30)
WEBHOOK_KEY = b"batuta test provider"
WEBHOOK_AGE_MAX = timedelta(minutes=5)

# The well-known test numbers of card schemes, and what their tokens do.
TOKENS = {
    "4242424242424242": "tok_visa",
    "5555555555554444": "tok_mastercard",
    "378282246310005": "tok_amex",
    "4000000000000002": "tok_declined",
    "4000000000009995": "tok_insufficient_funds",
    "4000000000000069": "tok_expired_card",
    "4000000000000341": "tok_capture_refused",
    "4000000000005126": "tok_refund_refused",
    "4000000000000119": "tok_unavailable",
    "4000000000000259": "tok_pending",
}

DECLINES = {
    "tok_declined": "card_declined",
    "tok_insufficient_funds": "insufficient_funds",
    "tok_expired_card": "expired_card",
}

PENDING = "tok_pending"
EXTENDED = "_extended"

SCHEMA = "payments_test_provider"

charge = Table(
    "charge",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("authorised_minor", BigInteger, nullable=False),
    Column("captured_minor", BigInteger, nullable=False),
    Column("voided_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("held_until", Instant, nullable=False),
    CheckConstraint("captured_minor + voided_minor <= authorised_minor", name="no_over_capture"),
    CheckConstraint("refunded_minor <= captured_minor", name="no_over_refund"),
    schema=SCHEMA,
)

Index("charge_token_idx", charge.c.token)

operation = Table(
    "operation",
    metadata,
    Column("key", Text, primary_key=True),
    Column("charge_id", Uuid, nullable=False),
    Column("instruction_id", Uuid, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("held_until", Instant),
    Column("happened_at", Instant, nullable=False),
    schema=SCHEMA,
)
Index("operation_charge_id_idx", operation.c.charge_id)


class BadCardNumber(Invalid):
    """Not a card number; it is not repeated here."""


class KeyUsedForAnotherBody(Refused):
    """An idempotency key came again with another call."""


def tokenise(card_number: str) -> str:
    """Exchange a card number for a token, as a provider's form in the browser does; the number goes no further.

    Raises:
        BadCardNumber: wrong length or check digit.
    """
    digits = "".join(one for one in card_number if one not in " -")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and luhn.is_valid(digits)):  # noqa: PLR2004 - ISO/IEC 7812
        raise BadCardNumber("not a card number: wrong length or check digit")
    return TOKENS.get(digits, f"tok_card_{digits[-4:]}")


class TestProvider:
    """See the module; `engine` is where it keeps its books."""

    __test__ = False

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(calls_at_once=4)

    async def authorise(self, call: Call) -> Report:
        return await self._run(call, _AUTHORISE, *await self._judged(call), 0)

    async def pay(self, call: Call) -> Report:
        return await self._run(call, _AUTHORISE, *await self._judged(call), call.amount_minor)

    async def capture(self, call: Call) -> Report:
        return await self._run(call, _CAPTURE)

    async def void(self, call: Call) -> Report:
        return await self._run(call, _VOID)

    async def refund(self, call: Call) -> Report:
        return await self._run(call, _REFUND)

    async def decide(self, payment_id: UUID, *, is_approved: bool, at: datetime) -> None:
        """Let a pending authorisation or payment (a boleto at the bank) come through or not; a webhook tells it."""
        await self._fetch(_DECIDE, payment_id, is_approved, at, at + HOLD_LIFE, at + EXTENDED_LIFE)

    async def books(self, payment_ids: Sequence[UUID]) -> dict[UUID, ProviderBook]:
        return {
            row["id"]: ProviderBook(
                payment_id=row["id"], captured_minor=row["captured_minor"], refunded_minor=row["refunded_minor"]
            )
            for row in await self._fetch(_BOOKS, list(payment_ids))
        }

    async def webhooks(self, payment_ids: Sequence[UUID], *, sent_at: datetime) -> list[tuple[bytes, dict[str, str]]]:
        """One signed webhook, body and headers, for all that happened and, after its end, for every hold that ended."""
        reports = [_report(row) for row in await self._fetch(_HISTORY, list(payment_ids))]
        reports += [_expiry(row) for row in await self._fetch(_ENDED, list(payment_ids), sent_at)]
        bodies = [msgspec.json.encode([report]) for report in reports]
        return [(body, {"batuta-signature": _signature(body, sent_at)}) for body in bodies]

    def read_webhook(self, body: bytes, headers: Mapping[str, str], *, now: datetime) -> list[Report]:
        stamp, _, _ = headers.get("batuta-signature", "").partition(",")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("9999999999")):
            raise BadWebhook("the webhook is not signed")
        sent_at = datetime.fromtimestamp(int(stamp), UTC)
        if abs(now - sent_at) > WEBHOOK_AGE_MAX:
            raise BadWebhook("the webhook's signature is too old", sent_at=sent_at.isoformat())
        if not hmac.compare_digest(headers["batuta-signature"].encode(), _signature(body, sent_at).encode()):
            raise BadWebhook("the webhook's signature is wrong")
        return msgspec.json.decode(body, type=list[Report])

    async def _judged(self, call: Call) -> tuple[object, ...]:
        """The fate of an authorisation by its token: result, reason, end of the hold.

        A card of its own (`tok_pending_…`) that the bank has once said yes to is answered at once from then on.
        """
        reason = DECLINES.get(call.token, "")
        fate = ReportKind.DECLINED if reason else _RESULTS[call.kind]
        if call.token.startswith(PENDING) and not (
            call.token.startswith(f"{PENDING}_") and await self._fetch(_KNOWN_CARD, call.token)
        ):
            fate = ReportKind.PENDING
        return str(fate), reason, call.at + _life_of(call.token)

    async def _run(self, call: Call, statement: str, *extra: object) -> Report:
        if call.token == "tok_unavailable":  # noqa: S105 - a test token
            raise ProviderUnavailable("the test provider does not answer for this token", key=call.key)
        given = (*_given(call), *extra)
        try:
            rows = await self._fetch(statement, *given)
        except UniqueViolationError:
            # The same key at the same moment: the other one has done it.
            rows = await self._fetch(statement, *given)
        if rows[0]["body"] != _body(call):
            raise KeyUsedForAnotherBody("this idempotency key was used for another call", key=call.key)
        return _report(rows[0])

    async def _fetch(self, statement: str, *given: object) -> list[Row]:
        async with self._engine.connect() as db:
            return await db.run(statement, *given)


_RESULTS = {
    InstructionKind.AUTHORISE: ReportKind.AUTHORISED,
    InstructionKind.PAY: ReportKind.CAPTURED,
    InstructionKind.CAPTURE: ReportKind.CAPTURED,
    InstructionKind.VOID: ReportKind.VOIDED,
    InstructionKind.REFUND: ReportKind.REFUNDED,
}


def _life_of(token: str) -> timedelta:
    """Some networks hold longer for merchants that ask for it (PAY-04)."""
    return EXTENDED_LIFE if token.endswith(EXTENDED) else HOLD_LIFE


def _body(call: Call) -> str:
    return f"{call.kind} {call.payment_id} {call.amount_minor} {call.currency} {call.token}"


def _given(call: Call) -> tuple[object, ...]:
    return (
        call.key,
        call.payment_id,
        call.instruction_id,
        call.attempt,
        str(call.kind),
        _body(call),
        call.token,
        call.amount_minor,
        call.currency,
        call.at,
        str(_RESULTS[call.kind]),
    )


def _report(row: Record) -> Report:
    return Report(
        payment_id=row["charge_id"],
        kind=ReportKind(row["result"]),
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        happened_at=row["happened_at"],
        instruction_id=row["instruction_id"],
        attempt=row["attempt"],
        reference=f"op_{row['key']}",
        authorised_until=row["held_until"],
        reason=row["reason"],
    )


def _expiry(row: Record) -> Report:
    return Report(
        payment_id=row["id"],
        kind=ReportKind.EXPIRED,
        amount_minor=row["left_minor"],
        currency=row["currency"],
        happened_at=row["held_until"],
        reference=f"end_{row['id']}",
    )


def _signature(body: bytes, sent_at: datetime) -> str:
    stamp = str(int(sent_at.timestamp()))
    return f"{stamp},{hmac.new(WEBHOOK_KEY, stamp.encode() + b'.' + body, sha256).hexdigest()}"


_COLUMNS = "key, charge_id, instruction_id, attempt, kind, body, token, amount_minor, currency"
_GIVEN = "$1::text, $2::uuid, $3::uuid, $4::int, $5::text, $6::text, $7::text, $8::bigint, $9::text"

_START = f"""
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
known AS (SELECT * FROM {SCHEMA}.operation WHERE key = $1::text),
"""

_AUTHORISE = f"""{_START}
charged AS (
    INSERT INTO {SCHEMA}.charge
        (id, token, currency, authorised_minor, captured_minor, voided_minor, refunded_minor, held_until)
    SELECT $2::uuid, $7::text, $9::text, $8::bigint, $15::bigint, 0, 0, $14::timestamptz FROM quick
    WHERE NOT EXISTS (SELECT FROM known) AND $12::text = $11::text
    ON CONFLICT DO NOTHING RETURNING id),
kept AS (
    INSERT INTO {SCHEMA}.operation ({_COLUMNS}, result, reason, held_until, happened_at)
    SELECT {_GIVEN},
        CASE WHEN $12::text = $11::text AND NOT EXISTS (SELECT FROM charged) THEN 'failed' ELSE $12::text END,
        CASE WHEN $12::text = $11::text AND NOT EXISTS (SELECT FROM charged) THEN 'already_authorised'
            ELSE $13::text END,
        CASE WHEN EXISTS (SELECT FROM charged) THEN $14::timestamptz END,
        $10::timestamptz
    FROM quick WHERE NOT EXISTS (SELECT FROM known) RETURNING *)
SELECT * FROM known UNION ALL SELECT * FROM kept
"""


def _moving(change: str, condition: str, reasons: str) -> str:
    """A statement that changes a charge under a condition, or keeps why it could not."""
    return f"""{_START}
moved AS (
    UPDATE {SCHEMA}.charge SET {change} FROM quick
    WHERE id = $2::uuid AND currency = $9::text AND $8::bigint > 0 AND NOT EXISTS (SELECT FROM known) AND {condition}
    RETURNING id),
kept AS (
    INSERT INTO {SCHEMA}.operation ({_COLUMNS}, result, reason, held_until, happened_at)
    SELECT {_GIVEN},
        CASE WHEN EXISTS (SELECT FROM moved) THEN $11::text ELSE 'failed' END,
        CASE WHEN EXISTS (SELECT FROM moved) THEN ''
            WHEN charge.id IS NULL THEN 'unknown_charge'
            WHEN charge.currency <> $9::text THEN 'other_currency'
            {reasons} END,
        NULL, $10::timestamptz
    FROM quick LEFT JOIN {SCHEMA}.charge ON charge.id = $2::uuid
    WHERE NOT EXISTS (SELECT FROM known) RETURNING *)
SELECT * FROM known UNION ALL SELECT * FROM kept
"""


_KNOWN_CARD = f"SELECT id FROM {SCHEMA}.charge WHERE token = $1::text LIMIT 1"


_CAPTURE = _moving(
    "captured_minor = captured_minor + $8::bigint",
    """held_until > $10::timestamptz AND token <> 'tok_capture_refused'
        AND authorised_minor - captured_minor - voided_minor >= $8::bigint""",
    """WHEN charge.held_until <= $10::timestamptz THEN 'expired'
            WHEN charge.token = 'tok_capture_refused' THEN 'refused_by_issuer'
            ELSE 'over_capture'""",
)

_VOID = _moving(
    "voided_minor = voided_minor + $8::bigint",
    "held_until > $10::timestamptz AND authorised_minor - captured_minor - voided_minor >= $8::bigint",
    "WHEN charge.held_until <= $10::timestamptz THEN 'expired' ELSE 'over_void'",
)

_REFUND = _moving(
    "refunded_minor = refunded_minor + $8::bigint",
    "token <> 'tok_refund_refused' AND captured_minor - refunded_minor >= $8::bigint",
    "WHEN charge.token = 'tok_refund_refused' THEN 'refused_by_issuer' ELSE 'over_refund'",
)

_DECIDE = f"""
WITH decided AS (
    UPDATE {SCHEMA}.operation SET
        result = CASE WHEN NOT $2::boolean THEN 'declined' WHEN kind = 'pay' THEN 'captured' ELSE 'authorised' END,
        reason = CASE WHEN $2::boolean THEN '' ELSE 'not_paid' END,
        held_until = CASE WHEN $2::boolean THEN
            CASE WHEN right(token, {len(EXTENDED)}) = '{EXTENDED}' THEN $5::timestamptz ELSE $4::timestamptz END END,
        happened_at = $3::timestamptz
    WHERE charge_id = $1::uuid AND result = 'pending' RETURNING *)
INSERT INTO {SCHEMA}.charge
    (id, token, currency, authorised_minor, captured_minor, voided_minor, refunded_minor, held_until)
SELECT charge_id, token, currency, amount_minor, CASE kind WHEN 'pay' THEN amount_minor ELSE 0 END, 0, 0, held_until
FROM decided WHERE $2::boolean
"""

_BOOKS = f"SELECT id, captured_minor, refunded_minor FROM {SCHEMA}.charge WHERE id = ANY($1::uuid[])"

_HISTORY = f"""
SELECT * FROM {SCHEMA}.operation WHERE charge_id = ANY($1::uuid[]) AND result <> 'pending' ORDER BY happened_at, key
"""

_ENDED = f"""
SELECT id, currency, held_until, authorised_minor - captured_minor - voided_minor AS left_minor FROM {SCHEMA}.charge
WHERE id = ANY($1::uuid[]) AND held_until <= $2::timestamptz AND authorised_minor - captured_minor > voided_minor
"""

AUDIT: tuple[Law, ...] = (
    Law(
        "the test provider's books say what ours say, wherever it is asked for nothing",
        f"""
        SELECT * FROM (
            SELECT payment_id AS id,
                sum(entry.amount_minor) FILTER (WHERE kind = 'capture') AS captured,
                sum(entry.amount_minor) FILTER (WHERE kind = 'refund') AS refunded
            FROM payments.entry JOIN payments.payment ON payment.id = entry.payment_id
            WHERE provider = 'test' GROUP BY payment_id) AS ours
        FULL JOIN {SCHEMA}.charge USING (id)
        WHERE (coalesce(captured, 0) <> coalesce(captured_minor, 0)
            OR coalesce(refunded, 0) <> coalesce(refunded_minor, 0))
            AND NOT EXISTS (SELECT FROM payments.instruction asked WHERE asked.payment_id = id AND status = 'pending')
        """,
    ),
)
