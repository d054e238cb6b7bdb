-- plumbing.change tells now who changed what is kept in memory.
DROP TABLE locations.location_change;
DROP TABLE shipping.tariff_change;
DROP TABLE sourcing.strategy_change;
DROP TABLE inventory.limit_change;
