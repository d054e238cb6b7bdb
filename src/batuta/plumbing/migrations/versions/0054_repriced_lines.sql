-- What was sent instead of something else and cost another amount was paid back at the old price: the line says now
-- what its units cost, and the adjustment of which line it is.
ALTER TABLE ordering.line ADD COLUMN repriced JSONB;

UPDATE ordering.adjustment a SET line_id = s.line_id
FROM ordering.substitution s
WHERE a.name = 'substitution' AND a.line_id IS NULL AND a.order_id = s.order_id
  AND a.amount_minor = s.amount_minor AND a.booked_at = s.substituted_at;

UPDATE ordering.line l SET repriced = jsonb_build_object(
    'units', told.units, 'amount_minor', l.gross_minor * told.units / l.quantity + told.amount_minor)
FROM (
    SELECT line_id, min(quantity) AS units, sum(amount_minor) AS amount_minor
    FROM ordering.substitution GROUP BY line_id) AS told
WHERE l.id = told.line_id AND told.amount_minor <> 0;
