-- Orders that wait to be planned together, and what planning them together was worth.
CREATE TABLE sourcing.pooled (
    order_id UUID NOT NULL,
    channel_id UUID NOT NULL,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    begun_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pooled_pkey PRIMARY KEY (order_id)
);

CREATE INDEX pooled_channel_id_idx ON sourcing.pooled (channel_id);

CREATE INDEX pooled_due_at_idx ON sourcing.pooled (due_at);

CREATE TABLE sourcing.pool_run (
    id UUID NOT NULL,
    planned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    orders INTEGER NOT NULL,
    orders_stale INTEGER NOT NULL,
    cost_minor BIGINT NOT NULL,
    one_by_one_minor BIGINT NOT NULL,
    bound_minor BIGINT NOT NULL,
    milliseconds INTEGER NOT NULL,
    CONSTRAINT pool_run_pkey PRIMARY KEY (id, planned_at),
    CONSTRAINT pool_run_never_worse_than_one_by_one CHECK (cost_minor <= one_by_one_minor),
    CONSTRAINT pool_run_stale_within_orders CHECK (orders_stale BETWEEN 0 AND orders)
);
