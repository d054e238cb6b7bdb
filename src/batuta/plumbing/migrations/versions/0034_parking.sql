-- Orders that nobody can serve now, and offers whose silence puts a promise at risk.
CREATE TABLE sourcing.parking (
    order_id UUID NOT NULL,
    channel_id UUID NOT NULL,
    queue TEXT NOT NULL,
    reason TEXT NOT NULL,
    rules JSONB NOT NULL,
    line_ids JSONB NOT NULL,
    tries INTEGER NOT NULL,
    hold_id UUID NOT NULL,
    parked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_try_at TIMESTAMP WITH TIME ZONE,
    cancel_at TIMESTAMP WITH TIME ZONE,
    promised_at TIMESTAMP WITH TIME ZONE,
    plan_by_at TIMESTAMP WITH TIME ZONE,
    forgiven_at TIMESTAMP WITH TIME ZONE,
    actor TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_because TEXT,
    CONSTRAINT parking_pkey PRIMARY KEY (order_id),
    CONSTRAINT parking_tried_once CHECK (tries > 0),
    CONSTRAINT parking_ended_for_a_reason CHECK ((ended_at IS NULL) = (ended_because IS NULL))
);

CREATE INDEX parking_queue_idx ON sourcing.parking (parked_at, order_id) WHERE ended_at IS NULL;

CREATE INDEX parking_cancel_idx ON sourcing.parking (cancel_at) WHERE ended_at IS NULL AND cancel_at IS NOT NULL;

ALTER TABLE fulfillment.fulfillment_order ADD COLUMN escalate_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE fulfillment.fulfillment_order ADD COLUMN escalated_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX fulfillment_order_escalate_idx ON fulfillment.fulfillment_order (escalate_at)
    WHERE status = 'offered' AND escalated_at IS NULL;
