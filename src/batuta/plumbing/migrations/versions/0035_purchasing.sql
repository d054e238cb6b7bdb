-- Suppliers and what they are paid, purchase orders of what they send to customers, and their invoices.
CREATE SCHEMA purchasing;

CREATE TABLE purchasing.supplier (
    location_id UUID NOT NULL,
    commission_bp INTEGER,
    price_tolerance_bp INTEGER NOT NULL,
    quantity_tolerance INTEGER NOT NULL,
    needs_approval BOOLEAN NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT supplier_pkey PRIMARY KEY (location_id),
    CONSTRAINT supplier_commission_is_a_share CHECK (commission_bp BETWEEN 0 AND 10000),
    CONSTRAINT supplier_tolerances_are_shares CHECK (price_tolerance_bp BETWEEN 0 AND 10000 AND quantity_tolerance >= 0),
    CONSTRAINT supplier_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE TABLE purchasing.supplier_cost (
    location_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    cost_minor BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT supplier_cost_pkey PRIMARY KEY (location_id, sku_id),
    CONSTRAINT supplier_cost_cost_not_negative CHECK (cost_minor >= 0),
    CONSTRAINT supplier_cost_location_id_fkey FOREIGN KEY(location_id) REFERENCES purchasing.supplier (location_id),
    CONSTRAINT supplier_cost_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE TABLE purchasing.purchase (
    id UUID NOT NULL,
    fulfillment_order_id UUID NOT NULL,
    order_id UUID NOT NULL,
    order_number TEXT NOT NULL,
    location_id UUID NOT NULL,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT purchase_pkey PRIMARY KEY (id),
    CONSTRAINT purchase_fulfillment_order_id_key UNIQUE (fulfillment_order_id),
    CONSTRAINT purchase_status_is_known CHECK (status IN ('draft', 'approved', 'sent', 'acknowledged', 'shipped', 'received', 'closed', 'rejected', 'cancelled')),
    CONSTRAINT purchase_fulfillment_order_id_fkey FOREIGN KEY(fulfillment_order_id) REFERENCES fulfillment.fulfillment_order (id),
    CONSTRAINT purchase_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id),
    CONSTRAINT purchase_location_id_fkey FOREIGN KEY(location_id) REFERENCES purchasing.supplier (location_id)
);

CREATE INDEX purchase_created_idx ON purchasing.purchase (created_at, id);
CREATE INDEX purchase_location_idx ON purchasing.purchase (location_id, created_at, id);
CREATE INDEX purchase_order_id_idx ON purchasing.purchase (order_id);

CREATE TABLE purchasing.invoice (
    id UUID NOT NULL,
    purchase_id UUID NOT NULL,
    location_id UUID NOT NULL,
    number TEXT NOT NULL,
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL,
    status TEXT NOT NULL,
    lines JSONB NOT NULL,
    differences JSONB NOT NULL,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by TEXT,
    decided_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    CONSTRAINT invoice_pkey PRIMARY KEY (id),
    CONSTRAINT invoice_location_id_number_key UNIQUE (location_id, number),
    CONSTRAINT invoice_status_is_known CHECK (status IN ('matched', 'disputed', 'accepted')),
    CONSTRAINT invoice_accepted_by_somebody CHECK ((status = 'accepted') = (decided_at IS NOT NULL)),
    CONSTRAINT invoice_purchase_id_fkey FOREIGN KEY(purchase_id) REFERENCES purchasing.purchase (id),
    CONSTRAINT invoice_location_id_fkey FOREIGN KEY(location_id) REFERENCES purchasing.supplier (location_id)
);

CREATE INDEX invoice_purchase_id_idx ON purchasing.invoice (purchase_id);

CREATE TABLE purchasing.purchase_line (
    id UUID NOT NULL,
    purchase_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    ordered INTEGER NOT NULL,
    quantity INTEGER NOT NULL,
    unit_cost_minor BIGINT,
    shipped INTEGER NOT NULL,
    invoiced BIGINT NOT NULL,
    CONSTRAINT purchase_line_pkey PRIMARY KEY (id),
    CONSTRAINT purchase_line_units CHECK (ordered > 0 AND quantity BETWEEN 0 AND ordered AND shipped BETWEEN 0 AND ordered),
    CONSTRAINT purchase_line_counts_not_negative CHECK (invoiced >= 0 AND unit_cost_minor >= 0),
    CONSTRAINT purchase_line_purchase_id_fkey FOREIGN KEY(purchase_id) REFERENCES purchasing.purchase (id),
    CONSTRAINT purchase_line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX purchase_line_purchase_id_idx ON purchasing.purchase_line (purchase_id);

CREATE TABLE purchasing.purchase_step (
    purchase_id UUID NOT NULL,
    status TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT NOT NULL,
    CONSTRAINT purchase_step_pkey PRIMARY KEY (purchase_id, status),
    CONSTRAINT purchase_step_status_is_known CHECK (status IN ('draft', 'approved', 'sent', 'acknowledged', 'shipped', 'received', 'closed', 'rejected', 'cancelled')),
    CONSTRAINT purchase_step_purchase_id_fkey FOREIGN KEY(purchase_id) REFERENCES purchasing.purchase (id)
);

