ALTER TABLE inventory.reservation ADD COLUMN good_until_at timestamptz;
