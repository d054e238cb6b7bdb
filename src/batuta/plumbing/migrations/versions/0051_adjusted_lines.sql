-- What goods cost by their weight is of a line, so that their return gives that back.
ALTER TABLE ordering.adjustment ADD COLUMN line_id UUID;
