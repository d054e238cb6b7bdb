-- Movements, stock rows, reservations.
CREATE SCHEMA inventory;

CREATE TABLE inventory.movement (
    key TEXT COLLATE "C" NOT NULL,
    sku_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    source_kind TEXT NOT NULL,
    source_location_id UUID,
    source_condition TEXT COLLATE "C",
    source_parcel_id UUID,
    target_kind TEXT NOT NULL,
    target_location_id UUID,
    target_condition TEXT COLLATE "C",
    target_parcel_id UUID,
    lot TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL,
    document_id UUID NOT NULL,
    actor TEXT NOT NULL,
    effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT movement_pkey PRIMARY KEY (key),
    CONSTRAINT movement_quantity_is_positive CHECK (quantity > 0),
    CONSTRAINT movement_locations_name_row CHECK ((source_kind = 'location') = (source_location_id IS NOT NULL) AND (source_kind = 'location') = (source_condition IS NOT NULL) AND (target_kind = 'location') = (target_location_id IS NOT NULL) AND (target_kind = 'location') = (target_condition IS NOT NULL)),
    CONSTRAINT movement_parcels_name_parcel CHECK ((source_kind = 'parcel') = (source_parcel_id IS NOT NULL) AND (target_kind = 'parcel') = (target_parcel_id IS NOT NULL)),
    CONSTRAINT movement_source_kind_is_known CHECK (source_kind IN ('supplier', 'location', 'parcel', 'customer', 'loss')),
    CONSTRAINT movement_target_kind_is_known CHECK (target_kind IN ('supplier', 'location', 'parcel', 'customer', 'loss')),
    CONSTRAINT movement_reason_is_known CHECK (reason IN ('receipt', 'putaway', 'adjust', 'pick', 'pack', 'ship', 'deliver', 'return_receive', 'quarantine_in', 'quarantine_out', 'damage', 'scrap', 'transfer_out', 'transfer_in', 'count', 'sale_pos', 'kit_build', 'kit_break'))
);

CREATE INDEX movement_document_id_idx ON inventory.movement (document_id);

CREATE TABLE inventory.reservation (
    id UUID NOT NULL,
    holder_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    condition TEXT COLLATE "C" NOT NULL,
    lot TEXT COLLATE "C" NOT NULL,
    quantity INTEGER NOT NULL,
    held INTEGER NOT NULL,
    consumed INTEGER NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT reservation_pkey PRIMARY KEY (id),
    CONSTRAINT reservation_units_not_negative CHECK (quantity > 0 AND held >= 0 AND consumed >= 0),
    CONSTRAINT reservation_no_more_than_granted CHECK (held + consumed <= quantity),
    CONSTRAINT reservation_held_while_units_are_held CHECK ((held > 0) = (status = 'held')),
    CONSTRAINT reservation_held_soft_claims_end CHECK ((expires_at IS NOT NULL) = (kind = 'soft' AND status = 'held')),
    CONSTRAINT reservation_kind_is_known CHECK (kind IN ('soft', 'hard')),
    CONSTRAINT reservation_status_is_known CHECK (status IN ('held', 'consumed', 'released'))
) WITH (fillfactor = 85);

CREATE INDEX reservation_holder_id_idx ON inventory.reservation (holder_id);

CREATE INDEX reservation_soft_end_idx ON inventory.reservation (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX reservation_soft_row_idx ON inventory.reservation (sku_id, location_id) WHERE expires_at IS NOT NULL;

CREATE TABLE inventory.stock (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    condition TEXT COLLATE "C" NOT NULL,
    lot TEXT COLLATE "C" NOT NULL,
    on_hand INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    safety INTEGER NOT NULL,
    first_expiry_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT stock_pkey PRIMARY KEY (sku_id, location_id, condition, lot),
    CONSTRAINT stock_on_hand_not_negative CHECK (on_hand >= 0),
    CONSTRAINT stock_reserved_not_negative CHECK (reserved >= 0),
    CONSTRAINT stock_safety_not_negative CHECK (safety >= 0),
    CONSTRAINT stock_only_sellable_is_promised CHECK (condition = 'sellable' OR (reserved = 0 AND safety = 0)),
    CONSTRAINT stock_safety_is_of_the_location CHECK (lot = '' OR safety = 0),
    CONSTRAINT stock_condition_is_known CHECK (condition IN ('sellable', 'damaged', 'quarantine', 'quality_check', 'expired', 'display', 'consigned_not_owned')),
    CONSTRAINT stock_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT stock_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
) WITH (fillfactor = 70);
