-- Returns, receipts, grades, refunds.
CREATE SCHEMA returns;

CREATE TABLE returns.return (
    id UUID NOT NULL,
    order_id UUID,
    customer_id UUID,
    location_id UUID,
    status TEXT NOT NULL,
    currency TEXT NOT NULL,
    tracking_number TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    is_kept BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT return_pkey PRIMARY KEY (id),
    CONSTRAINT return_status_known CHECK (status IN ('requested', 'approved', 'label_sent', 'in_transit', 'received', 'graded', 'resolved', 'cancelled', 'expired')),
    CONSTRAINT return_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id),
    CONSTRAINT return_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX return_customer_id_idx ON returns.return (customer_id);

CREATE INDEX return_expires_idx ON returns.return (expires_at) WHERE expires_at IS NOT NULL AND status IN ('requested', 'approved', 'label_sent');

CREATE INDEX return_order_id_idx ON returns.return (order_id);

CREATE TABLE returns.receipt (
    id UUID NOT NULL,
    return_id UUID NOT NULL,
    location_id UUID NOT NULL,
    lines JSONB NOT NULL,
    actor TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT receipt_pkey PRIMARY KEY (id),
    CONSTRAINT receipt_return_id_fkey FOREIGN KEY(return_id) REFERENCES returns.return (id),
    CONSTRAINT receipt_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX receipt_return_id_idx ON returns.receipt (return_id);

CREATE TABLE returns.refund (
    id UUID NOT NULL,
    return_id UUID NOT NULL,
    order_id UUID,
    currency TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    shipping_minor BIGINT NOT NULL,
    fee_minor BIGINT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT refund_pkey PRIMARY KEY (id),
    CONSTRAINT refund_amounts_not_negative CHECK (amount_minor >= 0 AND shipping_minor >= 0 AND fee_minor >= 0),
    CONSTRAINT refund_return_id_fkey FOREIGN KEY(return_id) REFERENCES returns.return (id),
    CONSTRAINT refund_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE INDEX refund_order_id_idx ON returns.refund (order_id);

CREATE INDEX refund_return_id_idx ON returns.refund (return_id);

CREATE TABLE returns.return_line (
    id UUID NOT NULL,
    return_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    order_line_id UUID,
    sku_id UUID,
    quantity INTEGER NOT NULL,
    components JSONB NOT NULL,
    is_tracked BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    note TEXT NOT NULL,
    worth_minor BIGINT NOT NULL,
    received INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    refunded INTEGER NOT NULL,
    refund_minor BIGINT NOT NULL,
    CONSTRAINT return_line_pkey PRIMARY KEY (id),
    CONSTRAINT return_line_counts_not_negative CHECK (quantity >= 0 AND refunded >= 0 AND refund_minor >= 0),
    CONSTRAINT return_line_counted_was_received CHECK (counted BETWEEN 0 AND received),
    CONSTRAINT return_line_refunded_is_known CHECK (refunded <= greatest(quantity, received)),
    CONSTRAINT return_line_return_id_fkey FOREIGN KEY(return_id) REFERENCES returns.return (id),
    CONSTRAINT return_line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX return_line_order_line_id_idx ON returns.return_line (order_line_id);

CREATE INDEX return_line_return_id_idx ON returns.return_line (return_id);

CREATE TABLE returns.grading (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    grade TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    note TEXT NOT NULL,
    actor TEXT NOT NULL,
    graded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT grading_pkey PRIMARY KEY (id),
    CONSTRAINT grading_grade_known CHECK (grade IN ('A', 'B', 'C', 'D', 'V', 'Q')),
    CONSTRAINT grading_quantity_positive CHECK (quantity > 0),
    CONSTRAINT grading_line_id_fkey FOREIGN KEY(line_id) REFERENCES returns.return_line (id)
);

CREATE INDEX grading_line_id_idx ON returns.grading (line_id);

CREATE TABLE returns.refund_line (
    refund_id UUID NOT NULL,
    return_line_id UUID NOT NULL,
    order_line_id UUID,
    quantity INTEGER NOT NULL,
    amount_minor BIGINT NOT NULL,
    CONSTRAINT refund_line_pkey PRIMARY KEY (refund_id, return_line_id),
    CONSTRAINT refund_line_amounts_not_negative CHECK (quantity > 0 AND amount_minor >= 0),
    CONSTRAINT refund_line_refund_id_fkey FOREIGN KEY(refund_id) REFERENCES returns.refund (id),
    CONSTRAINT refund_line_return_line_id_fkey FOREIGN KEY(return_line_id) REFERENCES returns.return_line (id)
);

CREATE INDEX refund_line_return_line_id_idx ON returns.refund_line (return_line_id);
