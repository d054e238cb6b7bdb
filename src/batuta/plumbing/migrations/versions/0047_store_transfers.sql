-- Goods that are sent to the store where their order is picked up.
CREATE TABLE locations.transfer_lane (
    source_location_id UUID NOT NULL,
    target_location_id UUID NOT NULL,
    transit_days INTEGER NOT NULL,
    cost_minor BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT transfer_lane_pkey PRIMARY KEY (source_location_id, target_location_id),
    CONSTRAINT transfer_lane_leads_elsewhere CHECK (source_location_id <> target_location_id),
    CONSTRAINT transfer_lane_nothing_below_zero CHECK (transit_days >= 0 AND cost_minor >= 0),
    CONSTRAINT transfer_lane_source_location_id_fkey FOREIGN KEY(source_location_id) REFERENCES locations.location (id),
    CONSTRAINT transfer_lane_target_location_id_fkey FOREIGN KEY(target_location_id) REFERENCES locations.location (id)
);

ALTER TABLE inventory.transfer
    DROP CONSTRAINT transfer_kind_is_known,
    ADD CONSTRAINT transfer_kind_is_known CHECK (kind IN ('manual', 'replenishment', 'order'));

CREATE TABLE inventory.earmark (
    transfer_line_id UUID NOT NULL,
    line_id UUID NOT NULL,
    transfer_id UUID NOT NULL,
    order_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    asked INTEGER NOT NULL,
    units INTEGER NOT NULL,
    CONSTRAINT earmark_pkey PRIMARY KEY (transfer_line_id, line_id),
    CONSTRAINT earmark_no_more_than_asked CHECK (asked > 0 AND units BETWEEN 0 AND asked),
    CONSTRAINT earmark_transfer_line_id_fkey FOREIGN KEY(transfer_line_id) REFERENCES inventory.transfer_line (id),
    CONSTRAINT earmark_transfer_id_fkey FOREIGN KEY(transfer_id) REFERENCES inventory.transfer (id),
    CONSTRAINT earmark_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX earmark_line_id_idx ON inventory.earmark (line_id);

CREATE INDEX earmark_transfer_id_idx ON inventory.earmark (transfer_id);

CREATE INDEX earmark_order_id_idx ON inventory.earmark (order_id);
