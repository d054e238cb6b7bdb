-- Products, SKUs, what bundles consist of.
CREATE SCHEMA catalog;

CREATE TABLE catalog.product (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    category TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT product_pkey PRIMARY KEY (id),
    CONSTRAINT product_code_key UNIQUE (code)
);

CREATE TABLE catalog.sku (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    product_id UUID NOT NULL,
    name JSONB NOT NULL,
    kind TEXT NOT NULL,
    gtin TEXT,
    weight_g INTEGER NOT NULL,
    length_mm INTEGER NOT NULL,
    width_mm INTEGER NOT NULL,
    height_mm INTEGER NOT NULL,
    tax_category TEXT NOT NULL,
    unit TEXT NOT NULL,
    is_tracked BOOLEAN NOT NULL,
    is_active BOOLEAN NOT NULL,
    brand_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT sku_pkey PRIMARY KEY (id),
    CONSTRAINT sku_kind_is_known CHECK (kind IN ('good', 'bundle', 'service')),
    CONSTRAINT sku_only_goods_are_tracked CHECK (kind = 'good' OR NOT is_tracked),
    CONSTRAINT sku_gtin_is_digits CHECK (gtin ~ '^([0-9]{8}|[0-9]{12,14})$'),
    CONSTRAINT sku_measures_not_negative CHECK (weight_g >= 0 AND length_mm >= 0 AND width_mm >= 0 AND height_mm >= 0),
    CONSTRAINT sku_code_key UNIQUE (code),
    CONSTRAINT sku_product_id_fkey FOREIGN KEY(product_id) REFERENCES catalog.product (id),
    CONSTRAINT sku_brand_id_fkey FOREIGN KEY(brand_id) REFERENCES company.brand (id)
);

CREATE INDEX sku_gtin_idx ON catalog.sku (gtin) WHERE gtin IS NOT NULL;

CREATE INDEX sku_product_id_idx ON catalog.sku (product_id);

CREATE TABLE catalog.component (
    bundle_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    CONSTRAINT component_pkey PRIMARY KEY (bundle_id, sku_id),
    CONSTRAINT component_quantity_is_positive CHECK (quantity >= 1),
    CONSTRAINT component_not_of_itself CHECK (bundle_id <> sku_id),
    CONSTRAINT component_bundle_id_fkey FOREIGN KEY(bundle_id) REFERENCES catalog.sku (id),
    CONSTRAINT component_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);

CREATE INDEX component_sku_id_idx ON catalog.component (sku_id);
