-- A parcel ends delivered, taken back, unpacked, or written off as lost.
ALTER TABLE fulfillment.package
    ADD COLUMN written_off_at timestamptz,
    DROP CONSTRAINT package_one_end,
    DROP CONSTRAINT package_left_first,
    ADD CONSTRAINT package_one_end
        CHECK (num_nonnulls(delivered_at, taken_back_at, unpacked_at, written_off_at) <= 1),
    ADD CONSTRAINT package_left_first
        CHECK (handed_over_at IS NOT NULL OR num_nonnulls(delivered_at, taken_back_at, written_off_at) = 0);
