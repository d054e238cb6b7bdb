-- A line keeps that it was bought as two boxes; its quantity is in base units.
ALTER TABLE ordering.line ADD COLUMN sold_as JSONB;
