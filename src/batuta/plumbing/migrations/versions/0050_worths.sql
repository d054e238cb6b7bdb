-- What units are worth to the locations that have them.
CREATE TABLE inventory.stock_worth (
    id UUID NOT NULL,
    location_id UUID,
    sku_id UUID,
    horizon_days INTEGER,
    target_days INTEGER,
    markdown_day_bp INTEGER NOT NULL,
    expiry_days INTEGER,
    learn_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT stock_worth_pkey PRIMARY KEY (id),
    CONSTRAINT stock_worth_location_id_sku_id_key UNIQUE NULLS NOT DISTINCT (location_id, sku_id),
    CONSTRAINT stock_worth_days_are_positive CHECK (horizon_days > 0 AND target_days > 0 AND expiry_days > 0),
    CONSTRAINT stock_worth_markdown_is_a_share CHECK (markdown_day_bp BETWEEN 0 AND 10000),
    CONSTRAINT stock_worth_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT stock_worth_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX stock_worth_learn_at_idx ON inventory.stock_worth (learn_at);

CREATE TABLE inventory.counter_sale (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    units INTEGER NOT NULL,
    learned_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT counter_sale_pkey PRIMARY KEY (sku_id, location_id),
    CONSTRAINT counter_sale_units_are_positive CHECK (units > 0)
);
