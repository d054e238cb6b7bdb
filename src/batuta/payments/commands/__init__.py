"""The verbs of money. Each takes many, locks the payments of the orders concerned, and answers in order."""

from batuta.payments.commands.by_hand import capture_by_hand, refund_by_hand, retry_by_hand, void_by_hand
from batuta.payments.commands.expiring import expire_authorisations, renew_authorisations
from batuta.payments.commands.hearing import ProviderNotFound, UnreadableWebhook, find_provider, take_webhook
from batuta.payments.commands.importing import record_paid
from batuta.payments.commands.opening import open_payments, record_due
from batuta.payments.commands.requesting import (
    request_authorisation,
    request_capture,
    request_refund,
    request_void,
    retry_instructions,
)
from batuta.payments.commands.settling import settle

__all__ = [
    "ProviderNotFound",
    "UnreadableWebhook",
    "capture_by_hand",
    "expire_authorisations",
    "find_provider",
    "open_payments",
    "record_due",
    "record_paid",
    "refund_by_hand",
    "renew_authorisations",
    "request_authorisation",
    "request_capture",
    "request_refund",
    "request_void",
    "retry_by_hand",
    "retry_instructions",
    "settle",
    "take_webhook",
    "void_by_hand",
]
