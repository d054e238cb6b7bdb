-- Orders, their lines and holds.
CREATE SCHEMA ordering;

CREATE SEQUENCE ordering.order_number START WITH 100001;

CREATE TABLE ordering."order" (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    channel_id UUID NOT NULL,
    external_id TEXT,
    customer_id UUID,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    pickup_location_id UUID,
    service_kind TEXT NOT NULL,
    locale TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    ship_to JSONB NOT NULL,
    bill_to JSONB,
    net_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    gross_minor BIGINT NOT NULL,
    shipping_minor BIGINT NOT NULL,
    shipping_tax_minor BIGINT NOT NULL,
    shipping_tax_rate_bp INTEGER NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    placed_by TEXT NOT NULL,
    on_behalf_of TEXT,
    fingerprint BYTEA NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT order_pkey PRIMARY KEY (id),
    CONSTRAINT order_channel_id_external_id_key UNIQUE (channel_id, external_id),
    CONSTRAINT order_status_known CHECK (status IN ('placed', 'accepted', 'in_progress', 'completed', 'cancelled', 'rejected', 'expired')),
    CONSTRAINT order_method_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT order_totals_agree CHECK (net_minor + tax_minor = gross_minor),
    CONSTRAINT order_number_key UNIQUE (number),
    CONSTRAINT order_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id),
    CONSTRAINT order_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers.customer (id),
    CONSTRAINT order_pickup_location_id_fkey FOREIGN KEY(pickup_location_id) REFERENCES locations.location (id)
);

CREATE INDEX order_customer_placed_idx ON ordering."order" (customer_id, placed_at);

CREATE INDEX order_expires_idx ON ordering."order" (expires_at) WHERE expires_at IS NOT NULL AND status = 'placed';

CREATE INDEX order_placed_idx ON ordering."order" (placed_at, id);

CREATE TABLE ordering.adjustment (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    name TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    actor TEXT NOT NULL,
    booked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT adjustment_pkey PRIMARY KEY (id),
    CONSTRAINT adjustment_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE INDEX adjustment_order_id_idx ON ordering.adjustment (order_id);

CREATE TABLE ordering.cancellation (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome JSONB NOT NULL,
    CONSTRAINT cancellation_pkey PRIMARY KEY (id),
    CONSTRAINT cancellation_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE TABLE ordering.hold (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    blocks TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by TEXT,
    ended_because TEXT,
    CONSTRAINT hold_pkey PRIMARY KEY (id),
    CONSTRAINT hold_kind_known CHECK (kind IN ('fraud', 'payment', 'address', 'credit', 'backorder', 'preorder', 'remorse', 'manual', 'compliance', 'capacity', 'duplicate')),
    CONSTRAINT hold_status_known CHECK (status IN ('active', 'released', 'expired', 'rejected')),
    CONSTRAINT hold_blocks_known CHECK (blocks IN ('source', 'release', 'ship', 'capture')),
    CONSTRAINT hold_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE INDEX hold_due_idx ON ordering.hold (due_at) WHERE due_at IS NOT NULL AND status = 'active';

CREATE INDEX hold_order_id_idx ON ordering.hold (order_id);

CREATE TABLE ordering.line (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    sku_id UUID NOT NULL,
    sku_code TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    components JSONB NOT NULL,
    is_tracked BOOLEAN NOT NULL,
    is_shipped BOOLEAN NOT NULL,
    unit_price_minor BIGINT NOT NULL,
    unit_net_minor BIGINT NOT NULL,
    unit_gross_minor BIGINT NOT NULL,
    discount_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    gross_minor BIGINT NOT NULL,
    tax_category TEXT NOT NULL,
    tax_rate_bp INTEGER NOT NULL,
    jurisdiction TEXT NOT NULL,
    is_tax_included BOOLEAN NOT NULL,
    rounding_rule TEXT NOT NULL,
    tax_engine TEXT NOT NULL,
    first_bucket TEXT NOT NULL,
    open INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    backordered INTEGER NOT NULL,
    preordered INTEGER NOT NULL,
    allocated INTEGER NOT NULL,
    released INTEGER NOT NULL,
    picked INTEGER NOT NULL,
    packed INTEGER NOT NULL,
    shipped INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    returned INTEGER NOT NULL,
    CONSTRAINT line_pkey PRIMARY KEY (id),
    CONSTRAINT line_order_id_position_key UNIQUE (order_id, position),
    CONSTRAINT line_buckets_sum_to_quantity CHECK ("open" + "reserved" + "backordered" + "preordered" + "allocated" + "released" + "picked" + "packed" + "shipped" + "delivered" + "cancelled" = quantity),
    CONSTRAINT line_buckets_not_negative CHECK ("open" >= 0 AND "reserved" >= 0 AND "backordered" >= 0 AND "preordered" >= 0 AND "allocated" >= 0 AND "released" >= 0 AND "picked" >= 0 AND "packed" >= 0 AND "shipped" >= 0 AND "delivered" >= 0 AND "cancelled" >= 0),
    CONSTRAINT line_returned_was_delivered CHECK (returned BETWEEN 0 AND delivered),
    CONSTRAINT line_quantity_positive CHECK (quantity > 0),
    CONSTRAINT line_amounts_agree CHECK (net_minor + tax_minor = gross_minor),
    CONSTRAINT line_first_bucket_known CHECK (first_bucket IN ('open', 'reserved', 'backordered', 'preordered', 'allocated', 'released', 'picked', 'packed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT line_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id),
    CONSTRAINT line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE TABLE ordering.unit_move (
    line_id UUID NOT NULL,
    cause_id UUID NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    actor TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT unit_move_pkey PRIMARY KEY (line_id, cause_id, source, target),
    CONSTRAINT unit_move_quantity_positive CHECK (quantity > 0),
    CONSTRAINT unit_move_source_known CHECK (source IN ('open', 'reserved', 'backordered', 'preordered', 'allocated', 'released', 'picked', 'packed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT unit_move_target_known CHECK (target IN ('open', 'reserved', 'backordered', 'preordered', 'allocated', 'released', 'picked', 'packed', 'shipped', 'delivered', 'cancelled')),
    CONSTRAINT unit_move_line_id_fkey FOREIGN KEY(line_id) REFERENCES ordering.line (id)
);

CREATE TABLE ordering.unit_return (
    line_id UUID NOT NULL,
    cause_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT unit_return_pkey PRIMARY KEY (line_id, cause_id),
    CONSTRAINT unit_return_quantity_positive CHECK (quantity > 0),
    CONSTRAINT unit_return_line_id_fkey FOREIGN KEY(line_id) REFERENCES ordering.line (id)
);
