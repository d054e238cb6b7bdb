-- Of what comes, a line that waits gets only what is not kept back from whom it is for.
ALTER TABLE inventory.waiting ADD COLUMN region TEXT NOT NULL DEFAULT '';

ALTER TABLE inventory.waiting ADD COLUMN customer_group TEXT NOT NULL DEFAULT '';
