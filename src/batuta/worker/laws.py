"""All that must be true of a sound database."""

from batuta.connectors.webhooks.queries import AUDIT as WEBHOOKS_LAWS
from batuta.fulfillment.queries import AUDIT as FULFILLMENT_LAWS
from batuta.inventory.queries import AUDIT as INVENTORY_LAWS
from batuta.ordering.queries import AUDIT as ORDERING_LAWS
from batuta.payments.adapters.test_provider import AUDIT as TEST_PROVIDER_LAWS
from batuta.payments.queries import AUDIT as PAYMENTS_LAWS
from batuta.plumbing.audit import PLUMBING, Law
from batuta.pricing.queries import AUDIT as PRICING_LAWS
from batuta.purchasing.queries import AUDIT as PURCHASING_LAWS
from batuta.rehearsal.queries import AUDIT as REHEARSAL_LAWS
from batuta.returns.queries import AUDIT as RETURNS_LAWS
from batuta.shipping.queries import AUDIT as SHIPPING_LAWS
from batuta.sourcing.queries import AUDIT as SOURCING_LAWS

LAWS: tuple[Law, ...] = (
    *PLUMBING,
    *INVENTORY_LAWS,
    *PRICING_LAWS,
    *PAYMENTS_LAWS,
    *TEST_PROVIDER_LAWS,
    *SHIPPING_LAWS,
    *SOURCING_LAWS,
    *ORDERING_LAWS,
    *FULFILLMENT_LAWS,
    *RETURNS_LAWS,
    *PURCHASING_LAWS,
    *REHEARSAL_LAWS,
    *WEBHOOKS_LAWS,
)
"""All that must be true of a sound database, from the bottom of the house to its top."""
