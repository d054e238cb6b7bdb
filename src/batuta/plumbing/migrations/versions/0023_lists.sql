ALTER TABLE catalog.product ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE catalog.sku ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE locations.location ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE customers.customer ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;

CREATE INDEX product_words_idx ON catalog.product
    USING gin ((to_tsvector('simple'::regconfig, translate(code, '-_./', '    ')) || to_tsvector('simple'::regconfig, name)));
CREATE INDEX product_category_idx ON catalog.product (category, code);
CREATE INDEX sku_words_idx ON catalog.sku
    USING gin ((to_tsvector('simple'::regconfig, translate(code, '-_./', '    ')) || to_tsvector('simple'::regconfig, name)));

CREATE INDEX customer_phone_idx ON customers.customer (phone) WHERE phone IS NOT NULL;
CREATE INDEX customer_words_idx ON customers.customer USING gin (to_tsvector('simple'::regconfig, name));

CREATE INDEX stock_location_idx ON inventory.stock (location_id, sku_id);
CREATE INDEX movement_sku_idx ON inventory.movement (sku_id, recorded_at, key);
CREATE INDEX movement_recorded_idx ON inventory.movement (recorded_at, key);

CREATE TABLE inventory.holder (
    id UUID NOT NULL,
    channel_id UUID NOT NULL,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT holder_pkey PRIMARY KEY (id)
);
