-- Ways that customers choose whose store cannot serve them; and the secret of links and promises, made here.
ALTER TABLE ordering.line ADD COLUMN route JSONB;

CREATE TABLE ordering.reroute (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    location_id UUID NOT NULL,
    line_ids JSONB NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    chosen_at TIMESTAMP WITH TIME ZONE,
    chosen_by TEXT,
    chosen JSONB,
    CONSTRAINT reroute_pkey PRIMARY KEY (id),
    CONSTRAINT reroute_ends_after_it_begins CHECK (expires_at > asked_at),
    CONSTRAINT reroute_chosen_whole CHECK (num_nulls(chosen_at, chosen_by, chosen) IN (0, 3)),
    CONSTRAINT reroute_order_id_fkey FOREIGN KEY (order_id) REFERENCES ordering."order" (id),
    CONSTRAINT reroute_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations.location (id)
);

CREATE INDEX reroute_order_id_idx ON ordering.reroute (order_id);

INSERT INTO sourcing.promise_key (id, secret, made_at)
VALUES (1, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), now())
ON CONFLICT DO NOTHING;
