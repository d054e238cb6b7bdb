ALTER TABLE catalog.sku ADD COLUMN tracking TEXT DEFAULT 'none' NOT NULL;
ALTER TABLE catalog.sku ADD COLUMN shelf_life_days INTEGER;
ALTER TABLE catalog.sku ADD COLUMN min_remaining_days INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE catalog.sku ADD COLUMN is_unique BOOLEAN DEFAULT 'false' NOT NULL;
ALTER TABLE catalog.sku ADD COLUMN is_weighed BOOLEAN DEFAULT 'false' NOT NULL;
ALTER TABLE catalog.sku ADD CONSTRAINT sku_tracking_is_known CHECK (tracking IN ('none', 'lot', 'serial'));
ALTER TABLE catalog.sku ADD CONSTRAINT sku_only_stock_is_told_apart
    CHECK (is_tracked OR (tracking = 'none' AND NOT is_unique AND NOT is_weighed));
ALTER TABLE catalog.sku ADD CONSTRAINT sku_days_not_negative
    CHECK (shelf_life_days > 0 AND min_remaining_days >= 0);

CREATE TABLE catalog.unit (
    sku_id UUID NOT NULL,
    code TEXT NOT NULL,
    numerator INTEGER NOT NULL,
    denominator INTEGER NOT NULL,
    is_sold BOOLEAN NOT NULL,
    is_stocked BOOLEAN NOT NULL,
    is_bought BOOLEAN NOT NULL,
    CONSTRAINT unit_pkey PRIMARY KEY (sku_id, code),
    CONSTRAINT unit_fraction_is_positive CHECK (numerator > 0 AND denominator > 0),
    CONSTRAINT unit_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);

CREATE TABLE catalog.kit_part (
    kit_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    CONSTRAINT kit_part_pkey PRIMARY KEY (kit_id, sku_id),
    CONSTRAINT kit_part_quantity_is_positive CHECK (quantity >= 1),
    CONSTRAINT kit_part_not_of_itself CHECK (kit_id <> sku_id),
    CONSTRAINT kit_part_kit_id_fkey FOREIGN KEY (kit_id) REFERENCES catalog.sku (id),
    CONSTRAINT kit_part_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);
CREATE INDEX kit_part_sku_id_idx ON catalog.kit_part (sku_id);

CREATE TABLE catalog.substitute (
    instead_of_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    rank INTEGER NOT NULL,
    price_rule TEXT NOT NULL,
    consent TEXT NOT NULL,
    CONSTRAINT substitute_pkey PRIMARY KEY (instead_of_id, sku_id),
    CONSTRAINT substitute_instead_of_id_rank_key UNIQUE (instead_of_id, rank),
    CONSTRAINT substitute_rank_is_positive CHECK (rank >= 1),
    CONSTRAINT substitute_not_of_itself CHECK (instead_of_id <> sku_id),
    CONSTRAINT substitute_price_rule_is_known CHECK (price_rule IN ('as_ordered', 'lower', 'own')),
    CONSTRAINT substitute_consent_is_known CHECK (consent IN ('not_needed', 'needed')),
    CONSTRAINT substitute_instead_of_id_fkey FOREIGN KEY (instead_of_id) REFERENCES catalog.sku (id),
    CONSTRAINT substitute_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);
CREATE INDEX substitute_sku_id_idx ON catalog.substitute (sku_id);

CREATE TABLE inventory.lot (
    id UUID NOT NULL,
    sku_id UUID NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    expires_on DATE,
    made_on DATE,
    supplier_lot TEXT NOT NULL,
    min_remaining_days INTEGER NOT NULL,
    recalled_at TIMESTAMP WITH TIME ZONE,
    recall_reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lot_pkey PRIMARY KEY (id),
    CONSTRAINT lot_sku_id_code_key UNIQUE (sku_id, code),
    CONSTRAINT lot_code_is_said CHECK (code <> ''),
    CONSTRAINT lot_made_before_it_ends CHECK (made_on <= expires_on),
    CONSTRAINT lot_days_not_negative CHECK (min_remaining_days >= 0),
    CONSTRAINT lot_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);
CREATE INDEX lot_expires_idx ON inventory.lot (expires_on);
CREATE INDEX lot_recalled_idx ON inventory.lot (sku_id, code) WHERE recalled_at IS NOT NULL;
CREATE INDEX stock_expires_idx ON inventory.stock (expires_at) WHERE expires_at IS NOT NULL AND condition = 'sellable';
CREATE INDEX movement_lot_idx ON inventory.movement (sku_id, lot) WHERE lot <> '';

CREATE TABLE inventory.serial (
    sku_id UUID NOT NULL,
    serial TEXT COLLATE "C" NOT NULL,
    status TEXT NOT NULL,
    location_id UUID,
    lot TEXT COLLATE "C" NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT serial_pkey PRIMARY KEY (sku_id, serial),
    CONSTRAINT serial_status_is_known CHECK (status IN ('in_stock', 'packed', 'sold', 'returned')),
    CONSTRAINT serial_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT serial_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations.location (id)
);
CREATE INDEX serial_serial_idx ON inventory.serial (serial);

CREATE TABLE inventory.serial_use (
    sku_id UUID NOT NULL,
    serial TEXT COLLATE "C" NOT NULL,
    parcel_id UUID NOT NULL,
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT serial_use_pkey PRIMARY KEY (sku_id, serial, parcel_id),
    CONSTRAINT serial_use_serial_fkey FOREIGN KEY (sku_id, serial) REFERENCES inventory.serial (sku_id, serial)
);
CREATE INDEX serial_use_line_id_idx ON inventory.serial_use (line_id);
CREATE UNIQUE INDEX serial_use_active_idx ON inventory.serial_use (sku_id, serial) WHERE ended_at IS NULL;

ALTER TABLE inventory.movement DROP CONSTRAINT movement_source_kind_is_known;
ALTER TABLE inventory.movement ADD CONSTRAINT movement_source_kind_is_known
    CHECK (source_kind IN ('supplier', 'location', 'parcel', 'customer', 'loss', 'kit'));
ALTER TABLE inventory.movement DROP CONSTRAINT movement_target_kind_is_known;
ALTER TABLE inventory.movement ADD CONSTRAINT movement_target_kind_is_known
    CHECK (target_kind IN ('supplier', 'location', 'parcel', 'customer', 'loss', 'kit'));

CREATE TABLE inventory.kit_work (
    id UUID NOT NULL,
    kit_id UUID NOT NULL,
    location_id UUID NOT NULL,
    verb TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    lot TEXT COLLATE "C" NOT NULL,
    parts JSONB NOT NULL,
    actor TEXT NOT NULL,
    worked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT kit_work_pkey PRIMARY KEY (id),
    CONSTRAINT kit_work_verb_is_known CHECK (verb IN ('build', 'break')),
    CONSTRAINT kit_work_quantity_is_positive CHECK (quantity > 0),
    CONSTRAINT kit_work_kit_id_fkey FOREIGN KEY (kit_id) REFERENCES catalog.sku (id),
    CONSTRAINT kit_work_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations.location (id)
);
CREATE INDEX kit_work_kit_idx ON inventory.kit_work (kit_id, worked_at);

CREATE TABLE ordering.substitution (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    instead_of_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    sku_code TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    price_rule TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    consented_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    substituted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT substitution_pkey PRIMARY KEY (id),
    CONSTRAINT substitution_quantity_positive CHECK (quantity > 0),
    CONSTRAINT substitution_another_sku CHECK (instead_of_id <> sku_id),
    CONSTRAINT substitution_price_rule_known CHECK (price_rule IN ('as_ordered', 'lower', 'own')),
    CONSTRAINT substitution_order_id_fkey FOREIGN KEY (order_id) REFERENCES ordering."order" (id),
    CONSTRAINT substitution_line_id_fkey FOREIGN KEY (line_id) REFERENCES ordering.line (id),
    CONSTRAINT substitution_instead_of_id_fkey FOREIGN KEY (instead_of_id) REFERENCES catalog.sku (id),
    CONSTRAINT substitution_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);
CREATE INDEX substitution_order_id_idx ON ordering.substitution (order_id);
CREATE INDEX substitution_line_id_idx ON ordering.substitution (line_id);
