-- What deliveries have taught of lanes.
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

CREATE INDEX parcel_delivered_idx ON shipping.parcel (service_id, delivered_at) WHERE delivered_at IS NOT NULL;
