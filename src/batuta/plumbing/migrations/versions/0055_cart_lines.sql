-- Boxes of twelve, and names to engrave: the same SKU may be in a cart more than once.
ALTER TABLE ordering.cart_line ADD COLUMN sold_as JSONB;
ALTER TABLE ordering.cart_line ADD COLUMN personalisation JSONB;
CREATE INDEX cart_line_cart_id_idx ON ordering.cart_line (cart_id);
ALTER TABLE ordering.cart_line DROP CONSTRAINT cart_line_cart_id_sku_id_key;
