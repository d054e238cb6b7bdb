-- The event log: facts, where each reaction stands, what is parked or skipped.
CREATE SCHEMA plumbing;

CREATE TABLE plumbing.cluster (
    system_identifier BIGINT NOT NULL,
    epoch INTEGER NOT NULL,
    CONSTRAINT cluster_pkey PRIMARY KEY (system_identifier),
    CONSTRAINT cluster_epoch_key UNIQUE (epoch)
);

CREATE TABLE plumbing.event (
    epoch INTEGER NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    stream UUID NOT NULL,
    type TEXT NOT NULL,
    data JSONB NOT NULL,
    actor TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (epoch, xid, id)
);

CREATE INDEX event_stream_idx ON plumbing.event (stream, id);

CREATE TABLE plumbing.parked (
    reaction TEXT NOT NULL,
    stream UUID NOT NULL,
    epoch INTEGER NOT NULL,
    xid xid8 NOT NULL,
    id BIGINT NOT NULL,
    error TEXT,
    parked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT parked_pkey PRIMARY KEY (reaction, stream, epoch, xid, id)
);

CREATE TABLE plumbing.reaction (
    name TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    xid xid8 NOT NULL,
    id BIGINT NOT NULL,
    failures INTEGER DEFAULT '0' NOT NULL,
    CONSTRAINT reaction_pkey PRIMARY KEY (name)
);

CREATE TABLE plumbing.skipped (
    reaction TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    xid xid8 NOT NULL,
    id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL,
    skipped_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT skipped_pkey PRIMARY KEY (reaction, epoch, xid, id)
);

-- A log that is born here acts here; a restored one waits until `batuta events rebase`.
INSERT INTO plumbing.cluster (system_identifier, epoch)
SELECT system_identifier, 1 FROM pg_control_system();
