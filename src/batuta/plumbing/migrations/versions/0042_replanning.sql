-- Offered orders that are planned again, and what pools moved of them.
ALTER TABLE sourcing.pooled ADD COLUMN is_offered BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE sourcing.pooled ALTER COLUMN is_offered DROP DEFAULT;

ALTER TABLE sourcing.pool_run ADD COLUMN replanned INTEGER NOT NULL DEFAULT 0, ADD COLUMN moved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sourcing.pool_run ALTER COLUMN replanned DROP DEFAULT, ALTER COLUMN moved DROP DEFAULT;
ALTER TABLE sourcing.pool_run
    ADD CONSTRAINT pool_run_moved_within_replanned CHECK (moved BETWEEN 0 AND replanned AND replanned <= orders);

CREATE INDEX pool_run_planned_idx ON sourcing.pool_run (planned_at, id);
