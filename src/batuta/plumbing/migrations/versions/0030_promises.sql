-- What was promised with each order; how long locations take; when they were last changed; more kinds of service.
ALTER TABLE locations.location ADD COLUMN processing_minutes INTEGER DEFAULT '60' NOT NULL;
ALTER TABLE locations.location
    ADD CONSTRAINT location_processing_not_negative CHECK (processing_minutes >= 0);

CREATE TABLE locations.location_change (
    id INTEGER NOT NULL,
    changed_by xid8 NOT NULL,
    CONSTRAINT location_change_pkey PRIMARY KEY (id),
    CONSTRAINT location_change_only_one CHECK (id = 1)
);

ALTER TABLE shipping.service DROP CONSTRAINT service_kind_known;
ALTER TABLE shipping.service ADD CONSTRAINT service_kind_known
    CHECK (kind IN ('standard', 'express', 'courier', 'pickup', 'one_hour', 'same_day', 'next_day', 'weekend'));

CREATE TABLE ordering.promise (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    kind TEXT NOT NULL,
    basis TEXT NOT NULL,
    service_kind TEXT NOT NULL,
    earliest_at TIMESTAMP WITH TIME ZONE NOT NULL,
    p50_at TIMESTAMP WITH TIME ZONE NOT NULL,
    p90_at TIMESTAMP WITH TIME ZONE NOT NULL,
    window_from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    order_by_at TIMESTAMP WITH TIME ZONE NOT NULL,
    price_minor BIGINT,
    limiting_step TEXT NOT NULL,
    is_estimated BOOLEAN NOT NULL,
    plan JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT promise_pkey PRIMARY KEY (id),
    CONSTRAINT promise_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id),
    CONSTRAINT promise_kind_known CHECK (kind IN ('original', 'latest')),
    CONSTRAINT promise_basis_known CHECK (basis IN ('told', 'planned', 'moved')),
    CONSTRAINT promise_dates_in_order CHECK (earliest_at <= p50_at AND p50_at <= p90_at),
    CONSTRAINT promise_price_not_negative CHECK (price_minor >= 0)
);
CREATE INDEX promise_order_idx ON ordering.promise (order_id, made_at);
CREATE UNIQUE INDEX promise_original_idx ON ordering.promise (order_id) WHERE kind = 'original';

CREATE TABLE sourcing.promise_key (
    id INTEGER NOT NULL,
    secret BYTEA NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT promise_key_pkey PRIMARY KEY (id),
    CONSTRAINT promise_key_only_one CHECK (id = 1)
);
