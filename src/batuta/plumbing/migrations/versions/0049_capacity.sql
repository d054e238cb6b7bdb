-- Limits of several kinds for what locations take, and what each plan takes of them.
ALTER TABLE locations.location ADD COLUMN capacity JSONB DEFAULT '[]' NOT NULL;

UPDATE locations.location
SET capacity = jsonb_build_array(jsonb_build_object('limit', daily_capacity_orders, 'unit', 'orders'))
WHERE daily_capacity_orders IS NOT NULL;

ALTER TABLE locations.location DROP COLUMN daily_capacity_orders;

CREATE TABLE sourcing.capacity_hold (
    order_id UUID NOT NULL,
    location_id UUID NOT NULL,
    attempt INTEGER NOT NULL,
    method TEXT NOT NULL,
    day_at TIMESTAMP WITH TIME ZONE NOT NULL,
    hour_at TIMESTAMP WITH TIME ZONE NOT NULL,
    orders INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    units INTEGER NOT NULL,
    packages INTEGER NOT NULL,
    is_over BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    held_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT capacity_hold_pkey PRIMARY KEY (order_id, location_id, attempt),
    CONSTRAINT capacity_hold_method_is_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT capacity_hold_status_is_known CHECK (status IN ('held', 'expired', 'confirmed', 'released')),
    CONSTRAINT capacity_hold_what_is_held_ends CHECK ((status = 'held') = (expires_at IS NOT NULL)),
    CONSTRAINT capacity_hold_work_not_negative
        CHECK (orders >= 0 AND lines >= 0 AND units >= 0 AND packages >= 0),
    CONSTRAINT capacity_hold_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

-- What was counted so far was never given back by itself: it stays, as work that was taken on.
INSERT INTO sourcing.capacity_hold
SELECT a.order_id, a.location_id, a.attempt, o.method, a.day::timestamp AT TIME ZONE l.time_zone,
    date_trunc('hour', min(a.planned_at)), 1, count(DISTINCT a.line_id), sum(a.quantity), 1, false, 'confirmed',
    min(a.planned_at), NULL
FROM sourcing.assignment a
JOIN ordering."order" o ON o.id = a.order_id
JOIN locations.location l ON l.id = a.location_id
WHERE a.day IS NOT NULL AND a.quantity > 0
GROUP BY a.order_id, a.location_id, a.attempt, o.method, a.day, l.time_zone;

CREATE INDEX capacity_hold_day_idx ON sourcing.capacity_hold (location_id, day_at);

CREATE INDEX capacity_hold_expires_idx ON sourcing.capacity_hold (expires_at) WHERE expires_at IS NOT NULL;

DROP TABLE sourcing.load;

CREATE TABLE sourcing.load (
    location_id UUID NOT NULL,
    begins_at TIMESTAMP WITH TIME ZONE NOT NULL,
    per TEXT NOT NULL,
    method TEXT NOT NULL,
    orders INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    units INTEGER NOT NULL,
    packages INTEGER NOT NULL,
    CONSTRAINT load_pkey PRIMARY KEY (location_id, begins_at, per, method),
    CONSTRAINT load_period_is_known CHECK (per IN ('day', 'hour')),
    CONSTRAINT load_method_is_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT load_work_not_negative CHECK (orders >= 0 AND lines >= 0 AND units >= 0 AND packages >= 0),
    CONSTRAINT load_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

INSERT INTO sourcing.load
SELECT location_id, begins_at, per, method, sum(orders), sum(lines), sum(units), sum(packages)
FROM sourcing.capacity_hold
CROSS JOIN LATERAL (VALUES ('day', day_at), ('hour', hour_at)) AS counted (per, begins_at)
GROUP BY location_id, begins_at, per, method;

DROP INDEX sourcing.assignment_location_id_day_idx;

ALTER TABLE sourcing.assignment DROP COLUMN day;
