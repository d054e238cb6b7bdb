-- Endpoints, their secrets and breakers, deliveries by lane, tries.
CREATE SCHEMA webhooks;

CREATE TABLE webhooks.endpoint (
    id UUID NOT NULL,
    url TEXT NOT NULL,
    event_types JSONB NOT NULL,
    description TEXT NOT NULL,
    channel_id UUID,
    format TEXT NOT NULL,
    content TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT endpoint_pkey PRIMARY KEY (id),
    CONSTRAINT endpoint_format_known CHECK (format IN ('standard', 'cloudevents')),
    CONSTRAINT endpoint_content_known CHECK (content IN ('full', 'thin')),
    CONSTRAINT endpoint_status_known CHECK (status IN ('enabled', 'paused', 'gone', 'unreachable', 'deleted')),
    CONSTRAINT endpoint_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id)
);

CREATE TABLE webhooks.breaker (
    endpoint_id UUID NOT NULL,
    failures INTEGER NOT NULL,
    openings INTEGER NOT NULL,
    open_until_at TIMESTAMP WITH TIME ZONE,
    failing_since_at TIMESTAMP WITH TIME ZONE,
    answered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT breaker_pkey PRIMARY KEY (endpoint_id),
    CONSTRAINT breaker_endpoint_id_fkey FOREIGN KEY(endpoint_id) REFERENCES webhooks.endpoint (id)
);

CREATE TABLE webhooks.delivery (
    id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    epoch INTEGER NOT NULL,
    xid xid8 NOT NULL,
    fact_id BIGINT NOT NULL,
    stream UUID NOT NULL,
    type TEXT NOT NULL,
    status TEXT NOT NULL,
    tries SMALLINT NOT NULL,
    attempts INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    last_status SMALLINT,
    last_problem TEXT NOT NULL,
    CONSTRAINT delivery_pkey PRIMARY KEY (id),
    CONSTRAINT delivery_endpoint_id_epoch_xid_fact_id_key UNIQUE (endpoint_id, epoch, xid, fact_id),
    CONSTRAINT delivery_status_known CHECK (status IN ('pending', 'delivered', 'failed')),
    CONSTRAINT delivery_ended_has_its_time CHECK ((status = 'pending') = (ended_at IS NULL)),
    CONSTRAINT delivery_endpoint_id_fkey FOREIGN KEY(endpoint_id) REFERENCES webhooks.endpoint (id)
);

CREATE INDEX delivery_created_at_idx ON webhooks.delivery (created_at);

CREATE INDEX delivery_pending_idx ON webhooks.delivery (endpoint_id, stream, epoch, xid, fact_id) WHERE status = 'pending';

CREATE TABLE webhooks.lane (
    endpoint_id UUID NOT NULL,
    stream UUID NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    taken_until_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT lane_pkey PRIMARY KEY (endpoint_id, stream),
    CONSTRAINT lane_endpoint_id_fkey FOREIGN KEY(endpoint_id) REFERENCES webhooks.endpoint (id)
);

CREATE INDEX lane_due_idx ON webhooks.lane (endpoint_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE webhooks.secret (
    id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    secret TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT secret_pkey PRIMARY KEY (id),
    CONSTRAINT secret_endpoint_id_fkey FOREIGN KEY(endpoint_id) REFERENCES webhooks.endpoint (id)
);

CREATE INDEX secret_endpoint_id_idx ON webhooks.secret (endpoint_id);

CREATE TABLE webhooks.attempt (
    delivery_id UUID NOT NULL,
    number INTEGER NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    duration_ms INTEGER NOT NULL,
    status SMALLINT,
    problem TEXT NOT NULL,
    excerpt TEXT NOT NULL,
    CONSTRAINT attempt_pkey PRIMARY KEY (delivery_id, number),
    CONSTRAINT attempt_delivery_id_fkey FOREIGN KEY(delivery_id) REFERENCES webhooks.delivery (id)
);

CREATE INDEX event_recorded_at_idx ON plumbing.event USING brin (recorded_at);

-- Webhooks tell what happens from now on; what happened before can be asked for by a replay.
INSERT INTO plumbing.reaction (name, epoch, xid, id)
SELECT 'webhooks', epoch, xid, id FROM plumbing.event ORDER BY epoch DESC, xid DESC, id DESC LIMIT 1;
