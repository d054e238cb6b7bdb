-- Where each unit shall come from, and why.
CREATE SCHEMA sourcing;

CREATE TABLE sourcing.decision (
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    attempt INTEGER NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    outcome TEXT NOT NULL,
    record JSONB NOT NULL,
    CONSTRAINT decision_pkey PRIMARY KEY (order_id, line_id, attempt),
    CONSTRAINT decision_outcome_is_known CHECK (outcome IN ('planned', 'unfillable')),
    CONSTRAINT decision_attempt_counts_from_one CHECK (attempt > 0)
);

CREATE TABLE sourcing.load (
    location_id UUID NOT NULL,
    day DATE NOT NULL,
    orders INTEGER NOT NULL,
    CONSTRAINT load_pkey PRIMARY KEY (location_id, day),
    CONSTRAINT load_orders_not_negative CHECK (orders >= 0),
    CONSTRAINT load_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE TABLE sourcing.assignment (
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    attempt INTEGER NOT NULL,
    planned INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    service_id UUID,
    price_minor BIGINT NOT NULL,
    day DATE,
    planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT assignment_pkey PRIMARY KEY (order_id, line_id, sku_id, location_id, attempt),
    CONSTRAINT assignment_quantity_within_planned CHECK (planned > 0 AND quantity BETWEEN 0 AND planned),
    CONSTRAINT assignment_price_not_negative CHECK (price_minor >= 0),
    CONSTRAINT assignment_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT assignment_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT assignment_service_id_fkey FOREIGN KEY(service_id) REFERENCES shipping.service (id)
);

CREATE INDEX assignment_location_id_day_idx ON sourcing.assignment (location_id, day) WHERE day IS NOT NULL;

CREATE TABLE sourcing.rejection (
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    cause_id UUID NOT NULL,
    reason TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE,
    is_for_all BOOLEAN NOT NULL,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT rejection_pkey PRIMARY KEY (order_id, line_id, sku_id, location_id, cause_id),
    CONSTRAINT rejection_quantity_not_negative CHECK (quantity >= 0),
    CONSTRAINT rejection_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT rejection_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX rejection_sku_id_idx ON sourcing.rejection (sku_id) WHERE is_for_all;
