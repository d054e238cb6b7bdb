-- Answers kept under the keys of those who asked.
CREATE TABLE plumbing.idempotency (
    scope UUID NOT NULL,
    key TEXT NOT NULL,
    route TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    status SMALLINT NOT NULL,
    headers JSONB,
    body BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (scope, key)
);

CREATE INDEX idempotency_created_at_idx ON plumbing.idempotency (created_at);
