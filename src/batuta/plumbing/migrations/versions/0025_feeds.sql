-- Feeds: who speaks of which places, what they said, what was counted, and what was not as the ledger said.

CREATE TABLE inventory.feed (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    kind TEXT NOT NULL,
    silent_after_minutes INTEGER,
    gone_after_minutes INTEGER,
    tolerance_units INTEGER NOT NULL,
    is_correcting BOOLEAN NOT NULL,
    last_sequence BIGINT NOT NULL,
    last_cut_at TIMESTAMP WITH TIME ZONE,
    last_heard_at TIMESTAMP WITH TIME ZONE,
    watched_from_at TIMESTAMP WITH TIME ZONE,
    silent_bp INTEGER NOT NULL,
    silence_due_at TIMESTAMP WITH TIME ZONE,
    actor TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT feed_pkey PRIMARY KEY (id),
    CONSTRAINT feed_gone_after_silent CHECK (gone_after_minutes > silent_after_minutes),
    CONSTRAINT feed_watched_wholly_or_not CHECK ((gone_after_minutes IS NULL) = (silent_after_minutes IS NULL) AND (gone_after_minutes IS NULL) = (watched_from_at IS NULL)),
    CONSTRAINT feed_silent_within_bounds CHECK (silent_bp BETWEEN 0 AND 10000),
    CONSTRAINT feed_not_negative CHECK (tolerance_units >= 0 AND last_sequence >= 0),
    CONSTRAINT feed_kind_is_known CHECK (kind IN ('wms', 'pos', '3pl', 'supplier', 'file')),
    CONSTRAINT feed_code_key UNIQUE (code)
);

CREATE INDEX feed_silence_due_at_idx ON inventory.feed (silence_due_at);

CREATE TABLE inventory.feed_location (
    feed_id UUID NOT NULL,
    location_id UUID NOT NULL,
    CONSTRAINT feed_location_pkey PRIMARY KEY (feed_id, location_id),
    CONSTRAINT feed_location_feed_id_fkey FOREIGN KEY(feed_id) REFERENCES inventory.feed (id),
    CONSTRAINT feed_location_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);

CREATE INDEX feed_location_location_id_idx ON inventory.feed_location (location_id);

CREATE TABLE inventory.feed_message (
    feed_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    kind TEXT NOT NULL,
    counts TEXT NOT NULL,
    cut_at TIMESTAMP WITH TIME ZONE NOT NULL,
    digest BYTEA NOT NULL,
    lines INTEGER NOT NULL,
    lines_done INTEGER NOT NULL,
    answer JSONB NOT NULL,
    actor TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT feed_message_pkey PRIMARY KEY (feed_id, sequence),
    CONSTRAINT feed_message_no_more_done_than_said CHECK (lines_done BETWEEN 0 AND lines),
    CONSTRAINT feed_message_kind_is_known CHECK (kind IN ('snapshot', 'delta', 'heartbeat')),
    CONSTRAINT feed_message_counts_is_known CHECK (counts IN ('on_hand', 'available')),
    CONSTRAINT feed_message_feed_id_fkey FOREIGN KEY(feed_id) REFERENCES inventory.feed (id)
);

CREATE INDEX feed_message_digest_idx ON inventory.feed_message (feed_id, digest);

CREATE INDEX feed_message_received_at_idx ON inventory.feed_message (received_at);

CREATE TABLE inventory.feed_count (
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    condition TEXT COLLATE "C" NOT NULL,
    lot TEXT COLLATE "C" NOT NULL,
    feed_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    counts TEXT NOT NULL,
    counted INTEGER NOT NULL,
    cut_at TIMESTAMP WITH TIME ZONE NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT feed_count_pkey PRIMARY KEY (sku_id, location_id, condition, lot),
    CONSTRAINT feed_count_counted_not_negative CHECK (counted >= 0),
    CONSTRAINT feed_count_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id),
    CONSTRAINT feed_count_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT feed_count_feed_id_fkey FOREIGN KEY(feed_id) REFERENCES inventory.feed (id)
)
 WITH (fillfactor = 80);

CREATE TABLE inventory.feed_difference (
    id UUID NOT NULL,
    feed_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    line INTEGER NOT NULL,
    document_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    location_id UUID NOT NULL,
    condition TEXT COLLATE "C" NOT NULL,
    lot TEXT COLLATE "C" NOT NULL,
    counts TEXT NOT NULL,
    counted INTEGER NOT NULL,
    expected INTEGER NOT NULL,
    units INTEGER NOT NULL,
    is_corrected BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    cut_at TIMESTAMP WITH TIME ZONE NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by TEXT,
    note TEXT,
    CONSTRAINT feed_difference_pkey PRIMARY KEY (id),
    CONSTRAINT feed_difference_feed_id_fkey FOREIGN KEY(feed_id) REFERENCES inventory.feed (id),
    CONSTRAINT feed_difference_is_one CHECK (units <> 0),
    CONSTRAINT feed_difference_settled_by_somebody CHECK ((status = 'settled') = (settled_at IS NOT NULL) AND (status = 'settled') = (settled_by IS NOT NULL)),
    CONSTRAINT feed_difference_status_is_known CHECK (status IN ('open', 'settled'))
);

CREATE INDEX feed_difference_document_id_idx ON inventory.feed_difference (document_id);

CREATE INDEX feed_difference_found_idx ON inventory.feed_difference (found_at, id);

CREATE INDEX feed_difference_status_idx ON inventory.feed_difference (status, found_at, id);

CREATE INDEX reservation_created_idx ON inventory.reservation USING brin (created_at);
