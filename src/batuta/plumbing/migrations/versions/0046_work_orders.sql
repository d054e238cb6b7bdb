-- What is made to order: recipes, what buyers asked for, and the work of making it.
ALTER TABLE catalog.sku ADD COLUMN is_made_to_order BOOLEAN DEFAULT 'false' NOT NULL;
ALTER TABLE catalog.sku ADD CONSTRAINT sku_only_goods_are_made
    CHECK (NOT is_made_to_order OR (is_tracked AND tracking = 'none' AND NOT is_unique AND NOT is_weighed));

CREATE TABLE catalog.recipe (
    sku_id UUID NOT NULL,
    abilities JSONB NOT NULL,
    steps JSONB NOT NULL,
    fields JSONB NOT NULL,
    needs_proof BOOLEAN NOT NULL,
    is_returnable BOOLEAN NOT NULL,
    CONSTRAINT recipe_pkey PRIMARY KEY (sku_id),
    CONSTRAINT recipe_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);

CREATE TABLE ordering.made_line (
    line_id UUID NOT NULL,
    order_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    recipe JSONB NOT NULL,
    personalisation JSONB NOT NULL,
    CONSTRAINT made_line_pkey PRIMARY KEY (line_id),
    CONSTRAINT made_line_line_id_fkey FOREIGN KEY (line_id) REFERENCES ordering.line (id),
    CONSTRAINT made_line_order_id_fkey FOREIGN KEY (order_id) REFERENCES ordering."order" (id),
    CONSTRAINT made_line_sku_id_fkey FOREIGN KEY (sku_id) REFERENCES catalog.sku (id)
);
CREATE INDEX made_line_order_id_idx ON ordering.made_line (order_id);

ALTER TABLE fulfillment.fulfillment_line ADD COLUMN makes UUID;

CREATE TABLE fulfillment.work_order (
    id UUID NOT NULL,
    fulfillment_order_id UUID NOT NULL,
    order_id UUID NOT NULL,
    order_number TEXT NOT NULL,
    location_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    status TEXT NOT NULL,
    parts JSONB NOT NULL,
    recipe JSONB NOT NULL,
    personalisation JSONB NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT work_order_pkey PRIMARY KEY (id),
    CONSTRAINT work_order_fulfillment_order_id_line_id_key UNIQUE (fulfillment_order_id, line_id),
    CONSTRAINT work_order_status_known
        CHECK (status IN ('awaiting_proof', 'proof_sent', 'open', 'started', 'done', 'cancelled')),
    CONSTRAINT work_order_cancelled_when_nothing_is_left
        CHECK (quantity >= 0 AND (quantity = 0) = (status = 'cancelled')),
    CONSTRAINT work_order_fulfillment_order_id_fkey
        FOREIGN KEY (fulfillment_order_id) REFERENCES fulfillment.fulfillment_order (id),
    CONSTRAINT work_order_order_id_fkey FOREIGN KEY (order_id) REFERENCES ordering."order" (id),
    CONSTRAINT work_order_location_id_fkey FOREIGN KEY (location_id) REFERENCES locations.location (id)
);
CREATE INDEX work_order_order_id_idx ON fulfillment.work_order (order_id);
CREATE INDEX work_order_created_idx ON fulfillment.work_order (created_at, id);

CREATE TABLE fulfillment.work_mark (
    work_order_id UUID NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT NOT NULL,
    step INTEGER,
    link TEXT,
    cause_id UUID,
    CONSTRAINT work_mark_pkey PRIMARY KEY (work_order_id, number),
    CONSTRAINT work_mark_kind_known CHECK (
        kind IN ('proof_sent', 'proof_approved', 'changes_asked', 'started', 'signed', 'done', 'failed')
    ),
    CONSTRAINT work_mark_work_order_id_fkey FOREIGN KEY (work_order_id) REFERENCES fulfillment.work_order (id)
);
