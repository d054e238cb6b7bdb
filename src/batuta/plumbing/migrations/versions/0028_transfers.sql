CREATE TABLE inventory.transfer (
    id UUID NOT NULL,
    source_location_id UUID NOT NULL,
    target_location_id UUID NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    carrier TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT transfer_pkey PRIMARY KEY (id),
    CONSTRAINT transfer_leads_elsewhere CHECK (source_location_id <> target_location_id),
    CONSTRAINT transfer_kind_is_known CHECK (kind IN ('manual', 'replenishment')),
    CONSTRAINT transfer_status_is_known CHECK (status IN ('requested', 'approved', 'picked', 'shipped', 'in_transit', 'received', 'closed', 'cancelled')),
    CONSTRAINT transfer_source_location_id_fkey FOREIGN KEY(source_location_id) REFERENCES locations.location (id),
    CONSTRAINT transfer_target_location_id_fkey FOREIGN KEY(target_location_id) REFERENCES locations.location (id)
);

CREATE INDEX transfer_created_idx ON inventory.transfer (created_at, id);
CREATE INDEX transfer_open_idx ON inventory.transfer (target_location_id) WHERE (status NOT IN ('closed', 'cancelled'));
CREATE INDEX transfer_source_idx ON inventory.transfer (source_location_id, created_at, id);
CREATE INDEX transfer_target_idx ON inventory.transfer (target_location_id, created_at, id);

CREATE TABLE inventory.transfer_line (
    id UUID NOT NULL,
    transfer_id UUID NOT NULL,
    position INTEGER NOT NULL,
    sku_id UUID NOT NULL,
    requested INTEGER NOT NULL,
    approved INTEGER NOT NULL,
    picked INTEGER NOT NULL,
    shipped INTEGER NOT NULL,
    received INTEGER NOT NULL,
    damaged INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    sent_back INTEGER NOT NULL,
    CONSTRAINT transfer_line_pkey PRIMARY KEY (id),
    CONSTRAINT transfer_line_transfer_id_sku_id_key UNIQUE (transfer_id, sku_id),
    CONSTRAINT transfer_line_approved_within_requested CHECK (requested > 0 AND approved BETWEEN 0 AND requested),
    CONSTRAINT transfer_line_shipped_within_approved CHECK (picked BETWEEN 0 AND approved AND shipped BETWEEN 0 AND picked),
    CONSTRAINT transfer_line_arrived_within_shipped CHECK (received >= 0 AND damaged >= 0 AND lost >= 0 AND sent_back >= 0 AND received + damaged + lost + sent_back <= shipped),
    CONSTRAINT transfer_line_transfer_id_fkey FOREIGN KEY(transfer_id) REFERENCES inventory.transfer (id),
    CONSTRAINT transfer_line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX transfer_line_sku_id_idx ON inventory.transfer_line (sku_id);
CREATE INDEX transfer_line_transfer_id_idx ON inventory.transfer_line (transfer_id);

CREATE TABLE inventory.transfer_step (
    transfer_id UUID NOT NULL,
    status TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT transfer_step_pkey PRIMARY KEY (transfer_id, status),
    CONSTRAINT transfer_step_status_is_known CHECK (status IN ('requested', 'approved', 'picked', 'shipped', 'in_transit', 'received', 'closed', 'cancelled')),
    CONSTRAINT transfer_step_transfer_id_fkey FOREIGN KEY(transfer_id) REFERENCES inventory.transfer (id)
);

CREATE TABLE inventory.transfer_receipt (
    id UUID NOT NULL,
    delivery_id UUID NOT NULL,
    line_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    damaged INTEGER NOT NULL,
    lot TEXT COLLATE "C",
    actor TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT transfer_receipt_pkey PRIMARY KEY (id),
    CONSTRAINT transfer_receipt_units_not_negative CHECK (quantity >= 0 AND damaged >= 0),
    CONSTRAINT transfer_receipt_line_id_fkey FOREIGN KEY(line_id) REFERENCES inventory.transfer_line (id)
);

CREATE INDEX transfer_receipt_delivery_id_idx ON inventory.transfer_receipt (delivery_id);
CREATE INDEX transfer_receipt_line_id_idx ON inventory.transfer_receipt (line_id);

CREATE TABLE inventory.transfer_settlement (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT transfer_settlement_pkey PRIMARY KEY (id),
    CONSTRAINT transfer_settlement_quantity_is_positive CHECK (quantity > 0),
    CONSTRAINT transfer_settlement_outcome_is_known CHECK (outcome IN ('loss', 'found', 'sent_back')),
    CONSTRAINT transfer_settlement_line_id_fkey FOREIGN KEY(line_id) REFERENCES inventory.transfer_line (id)
);

CREATE INDEX transfer_settlement_line_id_idx ON inventory.transfer_settlement (line_id);

CREATE TABLE inventory.demand (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    units_per_day DOUBLE PRECISION NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT demand_pkey PRIMARY KEY (sku_id, location_id),
    CONSTRAINT demand_units_per_day_within_bounds CHECK (units_per_day BETWEEN 0 AND 1000000),
    CONSTRAINT demand_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT demand_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE TABLE inventory.replenishment_rule (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    source_location_id UUID,
    min_units INTEGER NOT NULL,
    max_units INTEGER NOT NULL,
    min_days INTEGER NOT NULL,
    max_days INTEGER NOT NULL,
    case_size INTEGER NOT NULL,
    is_active BOOLEAN NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT replenishment_rule_pkey PRIMARY KEY (sku_id, location_id),
    CONSTRAINT replenishment_rule_least_within_most CHECK (min_units BETWEEN 0 AND max_units AND min_days BETWEEN 0 AND max_days),
    CONSTRAINT replenishment_rule_case_size_is_positive CHECK (case_size > 0),
    CONSTRAINT replenishment_rule_filled_from_elsewhere CHECK (source_location_id <> location_id),
    CONSTRAINT replenishment_rule_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT replenishment_rule_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT replenishment_rule_source_location_id_fkey FOREIGN KEY(source_location_id) REFERENCES locations.location (id)
);

CREATE INDEX replenishment_rule_source_location_id_idx ON inventory.replenishment_rule (source_location_id);

CREATE TABLE inventory.replenishment_schedule (
    source_location_id UUID NOT NULL,
    every_minutes INTEGER NOT NULL,
    is_automatic BOOLEAN NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    CONSTRAINT replenishment_schedule_pkey PRIMARY KEY (source_location_id),
    CONSTRAINT replenishment_schedule_every_minutes_is_positive CHECK (every_minutes > 0),
    CONSTRAINT replenishment_schedule_source_location_id_fkey FOREIGN KEY(source_location_id) REFERENCES locations.location (id)
);

CREATE INDEX replenishment_schedule_next_at_idx ON inventory.replenishment_schedule (next_at);

CREATE TABLE inventory.replenishment_proposal (
    id UUID NOT NULL,
    source_location_id UUID NOT NULL,
    status TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT replenishment_proposal_pkey PRIMARY KEY (id),
    CONSTRAINT replenishment_proposal_decided_once CHECK ((decided_at IS NULL) = (status = 'proposed')),
    CONSTRAINT replenishment_proposal_decided_by_somebody CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT replenishment_proposal_status_is_known CHECK (status IN ('proposed', 'approved', 'rejected', 'replaced')),
    CONSTRAINT replenishment_proposal_source_location_id_fkey FOREIGN KEY(source_location_id) REFERENCES locations.location (id)
);

CREATE INDEX replenishment_proposal_created_idx ON inventory.replenishment_proposal (created_at, id);
CREATE UNIQUE INDEX replenishment_proposal_open_key ON inventory.replenishment_proposal (source_location_id) WHERE status = 'proposed';

CREATE TABLE inventory.replenishment_line (
    id UUID NOT NULL,
    proposal_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    position INTEGER NOT NULL,
    min_units INTEGER NOT NULL,
    max_units INTEGER NOT NULL,
    case_size INTEGER NOT NULL,
    wanted INTEGER NOT NULL,
    units INTEGER NOT NULL,
    approved INTEGER,
    CONSTRAINT replenishment_line_pkey PRIMARY KEY (id),
    CONSTRAINT replenishment_line_no_more_than_wanted CHECK (units BETWEEN 0 AND wanted),
    CONSTRAINT replenishment_line_no_more_than_proposed CHECK (approved BETWEEN 0 AND units),
    CONSTRAINT replenishment_line_proposal_id_fkey FOREIGN KEY(proposal_id) REFERENCES inventory.replenishment_proposal (id),
    CONSTRAINT replenishment_line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT replenishment_line_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX replenishment_line_proposal_id_idx ON inventory.replenishment_line (proposal_id);
