-- Drafts of strategies beside the live ones, and what they would change.
CREATE SCHEMA rehearsal;

CREATE TABLE rehearsal.shadow (
    id UUID NOT NULL,
    version_id UUID NOT NULL,
    strategy_code TEXT NOT NULL,
    number INTEGER NOT NULL,
    document JSONB NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE NOT NULL,
    begun_by TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by TEXT,
    left_out INTEGER NOT NULL,
    CONSTRAINT shadow_pkey PRIMARY KEY (id),
    CONSTRAINT shadow_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT shadow_left_out_not_negative CHECK (left_out >= 0),
    CONSTRAINT shadow_version_id_fkey FOREIGN KEY(version_id) REFERENCES sourcing.strategy_version (id)
);

CREATE UNIQUE INDEX shadow_live_idx ON rehearsal.shadow (strategy_code) WHERE ended_at IS NULL;

CREATE INDEX shadow_begun_idx ON rehearsal.shadow (begun_at, id);

CREATE TABLE rehearsal.shadow_pending (
    shadow_id UUID NOT NULL,
    order_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT shadow_pending_pkey PRIMARY KEY (shadow_id, order_id),
    CONSTRAINT shadow_pending_shadow_id_fkey FOREIGN KEY(shadow_id) REFERENCES rehearsal.shadow (id),
    CONSTRAINT shadow_pending_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE INDEX shadow_pending_at_idx ON rehearsal.shadow_pending (at);

CREATE TABLE rehearsal.shadow_day (
    shadow_id UUID NOT NULL,
    day DATE NOT NULL,
    currency TEXT NOT NULL,
    orders INTEGER NOT NULL,
    reproduced INTEGER NOT NULL,
    live JSONB NOT NULL,
    draft JSONB NOT NULL,
    CONSTRAINT shadow_day_pkey PRIMARY KEY (shadow_id, day, currency),
    CONSTRAINT shadow_day_reproduced_within_orders CHECK (reproduced BETWEEN 0 AND orders),
    CONSTRAINT shadow_day_shadow_id_fkey FOREIGN KEY(shadow_id) REFERENCES rehearsal.shadow (id)
);

CREATE INDEX shadow_day_day_idx ON rehearsal.shadow_day (day);

CREATE TABLE rehearsal.shadow_load (
    shadow_id UUID NOT NULL,
    day DATE NOT NULL,
    location_id UUID NOT NULL,
    live_orders INTEGER NOT NULL,
    live_units BIGINT NOT NULL,
    draft_orders INTEGER NOT NULL,
    draft_units BIGINT NOT NULL,
    CONSTRAINT shadow_load_pkey PRIMARY KEY (shadow_id, day, location_id),
    CONSTRAINT shadow_load_shadow_id_fkey FOREIGN KEY(shadow_id) REFERENCES rehearsal.shadow (id),
    CONSTRAINT shadow_load_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX shadow_load_day_idx ON rehearsal.shadow_load (day);

CREATE TABLE rehearsal.shadow_difference (
    shadow_id UUID NOT NULL,
    order_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    record JSONB NOT NULL,
    CONSTRAINT shadow_difference_pkey PRIMARY KEY (shadow_id, order_id),
    CONSTRAINT shadow_difference_shadow_id_fkey FOREIGN KEY(shadow_id) REFERENCES rehearsal.shadow (id),
    CONSTRAINT shadow_difference_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE INDEX shadow_difference_at_idx ON rehearsal.shadow_difference (at);

CREATE INDEX shadow_difference_list_idx ON rehearsal.shadow_difference (shadow_id, at, order_id);
