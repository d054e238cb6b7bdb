-- Which pieces were packed for an order line stands in its packages.
DROP INDEX inventory.serial_use_line_id_idx;
