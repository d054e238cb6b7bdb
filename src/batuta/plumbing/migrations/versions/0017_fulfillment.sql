-- The work of locations on orders.
CREATE SCHEMA fulfillment;

CREATE TABLE fulfillment.cancellation (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    late JSONB NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT cancellation_pkey PRIMARY KEY (id),
    CONSTRAINT cancellation_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id)
);

CREATE INDEX cancellation_order_id_idx ON fulfillment.cancellation (order_id);

CREATE TABLE fulfillment.fulfillment_order (
    id UUID NOT NULL,
    order_id UUID NOT NULL,
    order_number TEXT NOT NULL,
    location_id UUID NOT NULL,
    method TEXT NOT NULL,
    service_id UUID,
    status TEXT NOT NULL,
    ship_to JSONB,
    locale TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    pickup_code TEXT,
    collect_until_at TIMESTAMP WITH TIME ZONE,
    collected_by TEXT,
    reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT fulfillment_order_pkey PRIMARY KEY (id),
    CONSTRAINT fulfillment_order_status_known CHECK (status IN ('planned', 'offered', 'accepted', 'picking', 'picked', 'packed', 'ready', 'handed_over', 'closed', 'rejected', 'short', 'cancel_requested', 'cancelled', 'cancel_refused', 'expired')),
    CONSTRAINT fulfillment_order_method_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT fulfillment_order_order_id_fkey FOREIGN KEY(order_id) REFERENCES ordering."order" (id),
    CONSTRAINT fulfillment_order_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX fulfillment_order_collect_idx ON fulfillment.fulfillment_order (collect_until_at) WHERE status = 'ready';

CREATE INDEX fulfillment_order_expires_idx ON fulfillment.fulfillment_order (expires_at) WHERE status = 'offered';

CREATE INDEX fulfillment_order_order_id_idx ON fulfillment.fulfillment_order (order_id);

CREATE INDEX fulfillment_order_work_idx ON fulfillment.fulfillment_order (location_id, created_at) WHERE status NOT IN ('cancelled', 'closed', 'expired', 'rejected', 'short');

CREATE TABLE fulfillment.cancellation_part (
    cancellation_id UUID NOT NULL,
    fulfillment_order_id UUID NOT NULL,
    units JSONB NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE,
    answered_by TEXT,
    CONSTRAINT cancellation_part_pkey PRIMARY KEY (cancellation_id, fulfillment_order_id),
    CONSTRAINT cancellation_part_status_known CHECK (status IN ('requested', 'cancelled', 'refused')),
    CONSTRAINT cancellation_part_cancellation_id_fkey FOREIGN KEY(cancellation_id) REFERENCES fulfillment.cancellation (id),
    CONSTRAINT cancellation_part_fulfillment_order_id_fkey FOREIGN KEY(fulfillment_order_id) REFERENCES fulfillment.fulfillment_order (id)
);

CREATE INDEX cancellation_part_open_idx ON fulfillment.cancellation_part (fulfillment_order_id) WHERE status = 'requested';

CREATE TABLE fulfillment.fulfillment_line (
    fulfillment_order_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    position SMALLINT NOT NULL,
    quantity INTEGER NOT NULL,
    per_unit INTEGER NOT NULL,
    is_tracked BOOLEAN NOT NULL,
    picked INTEGER NOT NULL,
    packed INTEGER NOT NULL,
    handed_over INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    taken_back INTEGER NOT NULL,
    short INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    CONSTRAINT fulfillment_line_pkey PRIMARY KEY (fulfillment_order_id, line_id, sku_id),
    CONSTRAINT fulfillment_line_whole_units CHECK (quantity > 0 AND per_unit > 0 AND quantity % per_unit = 0),
    CONSTRAINT fulfillment_line_counts_not_negative CHECK (short >= 0 AND cancelled >= 0 AND delivered >= 0 AND taken_back >= 0),
    CONSTRAINT fulfillment_line_units_in_order CHECK (delivered + taken_back <= handed_over AND handed_over <= packed AND packed <= picked AND picked <= quantity - short - cancelled),
    CONSTRAINT fulfillment_line_fulfillment_order_id_fkey FOREIGN KEY(fulfillment_order_id) REFERENCES fulfillment.fulfillment_order (id)
);

CREATE INDEX fulfillment_line_line_id_idx ON fulfillment.fulfillment_line (line_id);

CREATE TABLE fulfillment.package (
    parcel_id UUID NOT NULL,
    fulfillment_order_id UUID NOT NULL,
    contents JSONB NOT NULL,
    packed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    handed_over_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    taken_back_at TIMESTAMP WITH TIME ZONE,
    unpacked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT package_pkey PRIMARY KEY (parcel_id),
    CONSTRAINT package_one_end CHECK (num_nonnulls(delivered_at, taken_back_at, unpacked_at) <= 1),
    CONSTRAINT package_left_first CHECK (handed_over_at IS NOT NULL OR num_nonnulls(delivered_at, taken_back_at) = 0),
    CONSTRAINT package_unpacked_here CHECK (handed_over_at IS NULL OR unpacked_at IS NULL),
    CONSTRAINT package_fulfillment_order_id_fkey FOREIGN KEY(fulfillment_order_id) REFERENCES fulfillment.fulfillment_order (id)
);

CREATE INDEX package_fulfillment_order_id_idx ON fulfillment.package (fulfillment_order_id);
