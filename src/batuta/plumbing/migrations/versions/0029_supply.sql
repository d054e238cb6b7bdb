CREATE TABLE inventory.lateness (
    supplier_code TEXT COLLATE "C" NOT NULL,
    p50_days INTEGER NOT NULL,
    p90_days INTEGER NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lateness_pkey PRIMARY KEY (supplier_code),
    CONSTRAINT lateness_p90_is_no_earlier CHECK (0 <= p50_days AND p50_days <= p90_days)
);

CREATE TABLE inventory.expected (
    id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    received INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    first_due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    supplier_code TEXT COLLATE "C",
    document TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT expected_pkey PRIMARY KEY (id),
    CONSTRAINT expected_quantity_is_positive CHECK (quantity > 0),
    CONSTRAINT expected_no_more_than_expected CHECK (received BETWEEN 0 AND quantity),
    CONSTRAINT expected_closed_when_over CHECK ((status = 'open') = (closed_at IS NULL)),
    CONSTRAINT expected_kind_is_known CHECK (kind IN ('purchase', 'transfer', 'production', 'return')),
    CONSTRAINT expected_status_is_known CHECK (status IN ('open', 'closed', 'cancelled')),
    CONSTRAINT expected_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT expected_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);
CREATE INDEX expected_due_idx ON inventory.expected (due_at, id);
CREATE INDEX expected_open_idx ON inventory.expected (sku_id, location_id) WHERE status = 'open';

CREATE TABLE inventory.lead_path (
    id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    kind TEXT NOT NULL,
    source_location_id UUID,
    supplier_code TEXT COLLATE "C",
    components JSONB NOT NULL,
    lead_days INTEGER NOT NULL,
    units_per_day INTEGER,
    weekdays JSONB NOT NULL,
    holidays JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lead_path_pkey PRIMARY KEY (id),
    CONSTRAINT lead_path_lead_days_not_negative CHECK (lead_days >= 0),
    CONSTRAINT lead_path_units_per_day_is_positive CHECK (units_per_day > 0),
    CONSTRAINT lead_path_transfers_come_from_a_location CHECK ((kind = 'transfer') = (source_location_id IS NOT NULL)),
    CONSTRAINT lead_path_transfers_lead_elsewhere CHECK (source_location_id <> location_id),
    CONSTRAINT lead_path_kind_is_known CHECK (kind IN ('transfer', 'purchase', 'make', 'substitute')),
    CONSTRAINT lead_path_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT lead_path_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT lead_path_source_location_id_fkey FOREIGN KEY(source_location_id) REFERENCES locations.location (id)
);
CREATE INDEX lead_path_sku_idx ON inventory.lead_path (sku_id, location_id);

CREATE TABLE inventory.backorder_limit (
    sku_id UUID NOT NULL,
    channel_id UUID NOT NULL,
    units INTEGER NOT NULL,
    used INTEGER NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE,
    launch_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT backorder_limit_pkey PRIMARY KEY (sku_id, channel_id),
    CONSTRAINT backorder_limit_units_not_negative CHECK (units >= 0 AND used >= 0),
    CONSTRAINT backorder_limit_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT backorder_limit_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id)
);

CREATE TABLE inventory.limit_change (
    id INTEGER NOT NULL,
    changed_by xid8 NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT limit_change_pkey PRIMARY KEY (id)
);

CREATE TABLE inventory.waiting (
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    order_id UUID NOT NULL,
    channel_id UUID NOT NULL,
    location_id UUID NOT NULL,
    kind TEXT NOT NULL,
    asked INTEGER NOT NULL,
    units INTEGER NOT NULL,
    per_unit INTEGER NOT NULL,
    serves_whole BOOLEAN NOT NULL,
    only_there BOOLEAN NOT NULL,
    priority INTEGER NOT NULL,
    ordered_at TIMESTAMP WITH TIME ZONE NOT NULL,
    launch_at TIMESTAMP WITH TIME ZONE,
    promised_at TIMESTAMP WITH TIME ZONE,
    first_promised_at TIMESTAMP WITH TIME ZONE,
    patience_days INTEGER,
    patience_until_at TIMESTAMP WITH TIME ZONE,
    looked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT waiting_pkey PRIMARY KEY (line_id, sku_id),
    CONSTRAINT waiting_no_more_than_asked CHECK (units BETWEEN 0 AND asked),
    CONSTRAINT waiting_per_unit_is_positive CHECK (per_unit > 0),
    CONSTRAINT waiting_kind_is_known CHECK (kind IN ('backorder', 'preorder')),
    CONSTRAINT waiting_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT waiting_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);
CREATE INDEX waiting_open_idx ON inventory.waiting (sku_id) WHERE units > 0;
CREATE INDEX waiting_order_id_idx ON inventory.waiting (order_id);
CREATE INDEX waiting_patience_idx ON inventory.waiting (patience_until_at) WHERE units > 0;
CREATE INDEX waiting_promised_idx ON inventory.waiting (promised_at) WHERE units > 0;

CREATE TABLE inventory.peg (
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    expected_id UUID NOT NULL,
    units INTEGER NOT NULL,
    CONSTRAINT peg_pkey PRIMARY KEY (line_id, sku_id, expected_id),
    CONSTRAINT peg_units_are_positive CHECK (units > 0),
    CONSTRAINT peg_expected_id_fkey FOREIGN KEY(expected_id) REFERENCES inventory.expected (id)
);
CREATE INDEX peg_expected_idx ON inventory.peg (expected_id);
CREATE INDEX peg_sku_idx ON inventory.peg (sku_id);

CREATE TABLE inventory.supply_run (
    id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    expected_id UUID,
    came INTEGER NOT NULL,
    free INTEGER NOT NULL,
    served JSONB NOT NULL,
    passed_over JSONB NOT NULL,
    actor TEXT NOT NULL,
    ran_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT supply_run_pkey PRIMARY KEY (id),
    CONSTRAINT supply_run_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT supply_run_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT supply_run_expected_id_fkey FOREIGN KEY(expected_id) REFERENCES inventory.expected (id)
);
CREATE INDEX supply_run_expected_id_idx ON inventory.supply_run (expected_id);
CREATE INDEX supply_run_ran_idx ON inventory.supply_run (ran_at, id);
