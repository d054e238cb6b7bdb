-- The state of the built-in test provider, as strict as a real one.
CREATE SCHEMA payments_test_provider;

CREATE TABLE payments_test_provider.charge (
    id UUID NOT NULL,
    token TEXT NOT NULL,
    currency TEXT NOT NULL,
    authorised_minor BIGINT NOT NULL,
    captured_minor BIGINT NOT NULL,
    voided_minor BIGINT NOT NULL,
    refunded_minor BIGINT NOT NULL,
    held_until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT charge_pkey PRIMARY KEY (id),
    CONSTRAINT charge_no_over_capture CHECK (captured_minor + voided_minor <= authorised_minor),
    CONSTRAINT charge_no_over_refund CHECK (refunded_minor <= captured_minor)
);

CREATE INDEX charge_token_idx ON payments_test_provider.charge (token);

CREATE TABLE payments_test_provider.operation (
    key TEXT NOT NULL,
    charge_id UUID NOT NULL,
    instruction_id UUID NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    token TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    held_until TIMESTAMP WITH TIME ZONE,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT operation_pkey PRIMARY KEY (key)
);

CREATE INDEX operation_charge_id_idx ON payments_test_provider.operation (charge_id);
