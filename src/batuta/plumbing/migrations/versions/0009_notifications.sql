-- Messages to customers.
CREATE SCHEMA notifications;

CREATE TABLE notifications.message (
    id UUID NOT NULL,
    template TEXT NOT NULL,
    locale TEXT NOT NULL,
    medium TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    stream UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    problem TEXT NOT NULL,
    sending_until_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT message_pkey PRIMARY KEY (id),
    CONSTRAINT message_medium_is_known CHECK (medium IN ('email')),
    CONSTRAINT message_status_is_known CHECK (status IN ('queued', 'sent', 'failed', 'muted')),
    CONSTRAINT message_sent_has_its_time CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT message_only_muted_has_no_words CHECK ((status = 'muted') = (body = '')),
    CONSTRAINT message_has_a_recipient CHECK (status = 'muted' OR recipient <> ''),
    CONSTRAINT message_dedupe_key_key UNIQUE (dedupe_key)
);

CREATE INDEX message_stream_idx ON notifications.message (stream);
