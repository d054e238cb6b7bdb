-- What deliveries have taught of lanes, and parcels that were ready of locations.
CREATE TABLE shipping.transit_model (
    service_id UUID NOT NULL,
    learned JSONB NOT NULL,
    lessons INTEGER NOT NULL,
    heard_until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    learned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_by xid8 NOT NULL,
    CONSTRAINT transit_model_pkey PRIMARY KEY (service_id),
    CONSTRAINT transit_model_lessons_not_negative CHECK (lessons >= 0),
    CONSTRAINT transit_model_nothing_from_the_future CHECK (heard_until_at <= learned_at AND learned_at < due_at),
    CONSTRAINT transit_model_service_id_fkey FOREIGN KEY(service_id) REFERENCES shipping.service (id)
);

CREATE TABLE shipping.preparing (
    location_id UUID NOT NULL,
    p50_minutes INTEGER NOT NULL,
    p90_minutes INTEGER NOT NULL,
    lessons INTEGER NOT NULL,
    learned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT preparing_pkey PRIMARY KEY (location_id),
    CONSTRAINT preparing_minutes_in_order CHECK (p50_minutes BETWEEN 0 AND p90_minutes AND lessons >= 0),
    CONSTRAINT preparing_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX preparing_learned_at_idx ON shipping.preparing (learned_at);

CREATE INDEX package_packed_at_idx ON fulfillment.package (packed_at);

CREATE INDEX parcel_delivered_idx ON shipping.parcel (service_id, delivered_at) WHERE delivered_at IS NOT NULL;
