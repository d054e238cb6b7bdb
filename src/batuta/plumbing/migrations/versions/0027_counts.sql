CREATE TABLE inventory.stock_count (
    id UUID NOT NULL,
    location_id UUID NOT NULL,
    status TEXT NOT NULL,
    is_blind BOOLEAN NOT NULL,
    freezes BOOLEAN NOT NULL,
    tolerance_units INTEGER NOT NULL,
    tolerance_bp INTEGER NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by TEXT,
    CONSTRAINT stock_count_pkey PRIMARY KEY (id),
    CONSTRAINT stock_count_tolerance_is_a_share CHECK (tolerance_units >= 0 AND tolerance_bp BETWEEN 0 AND 10000),
    CONSTRAINT stock_count_ended_at_its_end CHECK ((ended_at IS NULL) = (status IN ('open', 'counted'))),
    CONSTRAINT stock_count_ended_by_somebody CHECK ((ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT stock_count_status_is_known CHECK (status IN ('open', 'counted', 'posted', 'cancelled')),
    CONSTRAINT stock_count_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX stock_count_created_idx ON inventory.stock_count (created_at, id);
CREATE INDEX stock_count_location_idx ON inventory.stock_count (location_id, created_at, id);

CREATE TABLE inventory.count_line (
    id UUID NOT NULL,
    count_id UUID NOT NULL,
    position INTEGER NOT NULL,
    sku_id UUID NOT NULL,
    condition TEXT COLLATE "C" NOT NULL,
    lot TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL,
    is_found BOOLEAN NOT NULL,
    variance INTEGER,
    reason TEXT,
    note TEXT NOT NULL,
    CONSTRAINT count_line_pkey PRIMARY KEY (id),
    CONSTRAINT count_line_count_id_sku_id_condition_lot_key UNIQUE (count_id, sku_id, condition, lot),
    CONSTRAINT count_line_variance_is_posted CHECK ((variance IS NULL) = (status <> 'posted')),
    CONSTRAINT count_line_variance_has_reason CHECK ((reason IS NOT NULL) = (coalesce(variance, 0) <> 0)),
    CONSTRAINT count_line_condition_is_known CHECK (condition IN ('sellable', 'damaged', 'quarantine', 'quality_check', 'expired', 'display', 'consigned_not_owned')),
    CONSTRAINT count_line_status_is_known CHECK (status IN ('open', 'recount', 'counted', 'posted')),
    CONSTRAINT count_line_reason_is_known CHECK (reason IN ('within_tolerance', 'theft', 'damage', 'misplaced', 'found', 'receiving', 'shipping', 'entry', 'unknown')),
    CONSTRAINT count_line_count_id_fkey FOREIGN KEY(count_id) REFERENCES inventory.stock_count (id),
    CONSTRAINT count_line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX count_line_sku_id_idx ON inventory.count_line (sku_id);

CREATE TABLE inventory.count_entry (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    round INTEGER NOT NULL,
    units INTEGER NOT NULL,
    book_units INTEGER NOT NULL,
    counted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT count_entry_pkey PRIMARY KEY (id),
    CONSTRAINT count_entry_line_id_round_key UNIQUE (line_id, round),
    CONSTRAINT count_entry_units_not_negative CHECK (units >= 0 AND round > 0),
    CONSTRAINT count_entry_line_id_fkey FOREIGN KEY(line_id) REFERENCES inventory.count_line (id)
);

CREATE TABLE inventory.standstill (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    count_id UUID NOT NULL,
    CONSTRAINT standstill_pkey PRIMARY KEY (sku_id, location_id),
    CONSTRAINT standstill_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT standstill_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT standstill_count_id_fkey FOREIGN KEY(count_id) REFERENCES inventory.stock_count (id)
);

CREATE INDEX standstill_count_id_idx ON inventory.standstill (count_id);
