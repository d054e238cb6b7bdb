CREATE INDEX order_email_idx ON ordering."order" (lower(email), placed_at);
CREATE INDEX order_status_placed_idx ON ordering."order" (status, placed_at, id);
CREATE INDEX line_sku_order_idx ON ordering.line (sku_id, order_id);

CREATE TABLE ordering.cart (
    id UUID NOT NULL,
    channel_id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    customer_id UUID,
    email TEXT,
    phone TEXT,
    locale TEXT,
    ship_to JSONB,
    bill_to JSONB,
    method TEXT NOT NULL,
    service_kind TEXT,
    pickup_location_id UUID,
    reserved_until_at TIMESTAMP WITH TIME ZONE,
    order_id UUID,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT cart_pkey PRIMARY KEY (id),
    CONSTRAINT cart_method_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT cart_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id),
    CONSTRAINT cart_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers.customer (id),
    CONSTRAINT cart_pickup_location_id_fkey FOREIGN KEY(pickup_location_id) REFERENCES locations.location (id)
);

CREATE INDEX cart_customer_id_idx ON ordering.cart (customer_id);
CREATE INDEX cart_expires_at_idx ON ordering.cart (expires_at);

CREATE TABLE ordering.cart_line (
    id UUID NOT NULL,
    cart_id UUID NOT NULL,
    position INTEGER NOT NULL,
    sku_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    CONSTRAINT cart_line_pkey PRIMARY KEY (id),
    CONSTRAINT cart_line_cart_id_sku_id_key UNIQUE (cart_id, sku_id),
    CONSTRAINT cart_line_quantity_positive CHECK (quantity > 0),
    CONSTRAINT cart_line_cart_id_fkey FOREIGN KEY(cart_id) REFERENCES ordering.cart (id) ON DELETE CASCADE,
    CONSTRAINT cart_line_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);
