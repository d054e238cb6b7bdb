-- A cart is locked, read and written whole: its lines go with it, in their order.
ALTER TABLE ordering.cart ADD COLUMN lines jsonb NOT NULL DEFAULT '[]';
UPDATE ordering.cart SET lines = of_cart.lines
FROM (
    SELECT
        cart_id,
        jsonb_agg(
            jsonb_build_object(
                'id', id, 'position', position, 'sku_id', sku_id, 'quantity', quantity, 'sold_as', sold_as,
                'personalisation', coalesce(personalisation, '{}')
            ) ORDER BY position, id
        ) AS lines
    FROM ordering.cart_line GROUP BY cart_id
) AS of_cart
WHERE cart.id = of_cart.cart_id;
ALTER TABLE ordering.cart
    ALTER COLUMN lines DROP DEFAULT,
    ADD CONSTRAINT cart_quantities_positive CHECK (NOT jsonb_path_exists(lines, '$[*] ? (!(@.quantity > 0))'));
DROP TABLE ordering.cart_line;
