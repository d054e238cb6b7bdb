-- How long it takes to make one unit to order.
ALTER TABLE catalog.recipe ADD COLUMN minutes INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE catalog.recipe ADD CONSTRAINT recipe_minutes_not_negative CHECK (minutes >= 0);
