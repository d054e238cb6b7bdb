-- What units cost us, and what packing them does.
CREATE TABLE pricing.unit_cost (
    sku_id UUID NOT NULL,
    currency TEXT NOT NULL,
    cost_minor BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT unit_cost_pkey PRIMARY KEY (sku_id, currency),
    CONSTRAINT unit_cost_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT unit_cost_cost_not_negative CHECK (cost_minor >= 0),
    CONSTRAINT unit_cost_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE TABLE pricing.location_cost (
    location_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    currency TEXT NOT NULL,
    cost_minor BIGINT NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT location_cost_pkey PRIMARY KEY (location_id, sku_id),
    CONSTRAINT location_cost_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT location_cost_cost_not_negative CHECK (cost_minor >= 0),
    CONSTRAINT location_cost_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT location_cost_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX location_cost_sku_idx ON pricing.location_cost (sku_id);

-- What suppliers are paid is one of them.
INSERT INTO pricing.location_cost (location_id, sku_id, currency, cost_minor, updated_at)
SELECT c.location_id, c.sku_id, l.currency, c.cost_minor, c.updated_at
FROM purchasing.supplier_cost c JOIN locations.location l ON l.id = c.location_id;

DROP TABLE purchasing.supplier_cost;

ALTER TABLE locations.location ADD COLUMN packaging_parcel_minor BIGINT DEFAULT '0' NOT NULL;
ALTER TABLE locations.location ADD COLUMN packaging_unit_minor BIGINT DEFAULT '0' NOT NULL;
ALTER TABLE locations.location ADD CONSTRAINT location_packaging_not_negative
    CHECK (packaging_parcel_minor >= 0 AND packaging_unit_minor >= 0);
