-- How orders may be split, and how long they wait.
ALTER TABLE customers.customer ADD COLUMN ship_terms JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE ordering."order" ADD COLUMN ship_terms JSONB DEFAULT '{}' NOT NULL;
