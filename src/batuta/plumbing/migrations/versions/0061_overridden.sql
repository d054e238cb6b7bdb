CREATE INDEX decision_overridden_idx ON sourcing.decision (at, order_id, line_id, attempt) WHERE record ? 'override';
