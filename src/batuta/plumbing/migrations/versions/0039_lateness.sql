-- What a supplier's deliveries have taught, beside what somebody told of it.
ALTER TABLE inventory.lateness ADD COLUMN learned_p50_days INTEGER;

ALTER TABLE inventory.lateness ADD COLUMN learned_p90_days INTEGER;

ALTER TABLE inventory.lateness ADD COLUMN deliveries INTEGER NOT NULL DEFAULT 0;

ALTER TABLE inventory.lateness ADD COLUMN learned_at TIMESTAMP WITH TIME ZONE;

ALTER TABLE inventory.lateness ADD CONSTRAINT lateness_learned_p90_is_no_earlier
    CHECK (0 <= learned_p50_days AND learned_p50_days <= learned_p90_days);
