CREATE TABLE inventory.release (
    reservation_id uuid NOT NULL,
    held integer NOT NULL,
    units integer NOT NULL,
    holder_id uuid NOT NULL,
    sku_id uuid NOT NULL,
    location_id uuid NOT NULL,
    lot text COLLATE "C" NOT NULL,
    released_at timestamptz NOT NULL,
    CONSTRAINT release_pkey PRIMARY KEY (reservation_id, held),
    CONSTRAINT release_units_not_negative CHECK (units > 0 AND held >= 0)
);
CREATE INDEX release_sku_idx ON inventory.release (sku_id, released_at);

-- When earlier claims were given back is not known: they count as if they had never been.
INSERT INTO inventory.release (reservation_id, held, units, holder_id, sku_id, location_id, lot, released_at)
SELECT id, held, quantity - held - consumed, holder_id, sku_id, location_id, lot, created_at
FROM inventory.reservation WHERE quantity > held + consumed;

ALTER TABLE sourcing.decision ADD COLUMN is_whole boolean DEFAULT true NOT NULL;
CREATE INDEX decision_whole_idx ON sourcing.decision (at) WHERE is_whole;
