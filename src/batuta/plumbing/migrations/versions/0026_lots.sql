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
