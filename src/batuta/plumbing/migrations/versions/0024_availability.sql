ALTER TABLE inventory.stock ADD COLUMN expires_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE customers.customer ADD COLUMN customer_group TEXT DEFAULT '' NOT NULL;

ALTER TABLE inventory.reservation ADD COLUMN pool_id UUID;

CREATE TABLE inventory.withholding_change (
    id INTEGER NOT NULL,
    changed_by xid8 NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT withholding_change_pkey PRIMARY KEY (id),
    CONSTRAINT withholding_change_only_one CHECK (id = 1)
);

CREATE TABLE inventory.buffer_rule (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    priority INTEGER NOT NULL,
    kind TEXT NOT NULL,
    units INTEGER,
    share_bp INTEGER,
    channel_id UUID,
    category TEXT,
    sku_id UUID,
    location_ids UUID[],
    is_stacked BOOLEAN NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE,
    until_at TIMESTAMP WITH TIME ZONE,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT buffer_rule_pkey PRIMARY KEY (id),
    CONSTRAINT buffer_rule_says_how_much CHECK ((kind = 'exclusion' AND units IS NULL AND share_bp IS NULL) OR (kind = 'buffer' AND (units IS NULL) <> (share_bp IS NULL))),
    CONSTRAINT buffer_rule_within_bounds CHECK (units >= 0 AND share_bp BETWEEN 0 AND 10000),
    CONSTRAINT buffer_rule_begins_before_it_ends CHECK (from_at < until_at),
    CONSTRAINT buffer_rule_kind_is_known CHECK (kind IN ('buffer', 'exclusion')),
    CONSTRAINT buffer_rule_code_key UNIQUE (code),
    CONSTRAINT buffer_rule_priority_key UNIQUE (priority),
    CONSTRAINT buffer_rule_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id),
    CONSTRAINT buffer_rule_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE TABLE inventory.pool (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    parent_id UUID,
    channel_id UUID,
    region TEXT,
    customer_group TEXT,
    on_empty TEXT NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pool_pkey PRIMARY KEY (id),
    CONSTRAINT pool_on_empty_is_known CHECK (on_empty IN ('common', 'refuse')),
    CONSTRAINT pool_code_key UNIQUE (code),
    CONSTRAINT pool_parent_id_fkey FOREIGN KEY(parent_id) REFERENCES inventory.pool (id),
    CONSTRAINT pool_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id)
);

CREATE INDEX pool_parent_id_idx ON inventory.pool (parent_id);

CREATE TABLE inventory.pool_stock (
    pool_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    allocated INTEGER NOT NULL,
    used INTEGER NOT NULL,
    CONSTRAINT pool_stock_pkey PRIMARY KEY (pool_id, sku_id, location_id),
    CONSTRAINT pool_stock_used_within_allocated CHECK (used BETWEEN 0 AND allocated),
    CONSTRAINT pool_stock_pool_id_fkey FOREIGN KEY(pool_id) REFERENCES inventory.pool (id),
    CONSTRAINT pool_stock_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT pool_stock_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX pool_stock_place_idx ON inventory.pool_stock (sku_id, location_id);

CREATE TABLE inventory.silence (
    location_id UUID NOT NULL,
    share_bp INTEGER NOT NULL,
    since_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT silence_pkey PRIMARY KEY (location_id),
    CONSTRAINT silence_within_bounds CHECK (share_bp BETWEEN 1 AND 10000),
    CONSTRAINT silence_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE TABLE inventory.threshold (
    id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID,
    low_units INTEGER NOT NULL,
    ample_units INTEGER NOT NULL,
    CONSTRAINT threshold_pkey PRIMARY KEY (id),
    CONSTRAINT threshold_sku_id_location_id_key UNIQUE NULLS NOT DISTINCT (sku_id, location_id),
    CONSTRAINT threshold_units_in_order CHECK (low_units >= 0 AND ample_units >= low_units),
    CONSTRAINT threshold_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT threshold_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE TABLE inventory.shown_label (
    id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID,
    channel_id UUID NOT NULL,
    label TEXT NOT NULL,
    since_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT shown_label_pkey PRIMARY KEY (id),
    CONSTRAINT shown_label_sku_id_channel_id_location_id_key UNIQUE NULLS NOT DISTINCT (sku_id, channel_id, location_id),
    CONSTRAINT shown_label_label_is_known CHECK (label IN ('in_stock', 'low', 'out')),
    CONSTRAINT shown_label_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT shown_label_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT shown_label_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id)
);

CREATE TABLE inventory.safety_policy (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    service_bp INTEGER NOT NULL,
    lead_time_days INTEGER NOT NULL,
    floor_units INTEGER NOT NULL,
    ceiling_units INTEGER,
    window_days INTEGER NOT NULL,
    seasons JSONB NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT safety_policy_pkey PRIMARY KEY (sku_id, location_id),
    CONSTRAINT safety_policy_service_is_a_share CHECK (service_bp BETWEEN 5000 AND 9999),
    CONSTRAINT safety_policy_days_within_bounds CHECK (lead_time_days BETWEEN 1 AND 365 AND window_days BETWEEN 7 AND 730),
    CONSTRAINT safety_policy_bounds_in_order CHECK (floor_units >= 0 AND ceiling_units >= floor_units),
    CONSTRAINT safety_policy_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT safety_policy_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX safety_policy_due_at_idx ON inventory.safety_policy (due_at);

