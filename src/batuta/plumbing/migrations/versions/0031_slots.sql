-- Where postal codes are; when carriers come and which days they work; slots, and who has one.
CREATE TABLE locations.postal_place (
    country TEXT NOT NULL,
    postal_code TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL,
    region TEXT NOT NULL,
    CONSTRAINT postal_place_pkey PRIMARY KEY (country, postal_code),
    CONSTRAINT postal_place_country_is_alpha_2 CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT postal_place_postal_code_is_bare CHECK (postal_code ~ '^[0-9A-Z]+$'),
    CONSTRAINT postal_place_coordinates_on_earth CHECK (
        latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180
    )
);

CREATE TABLE shipping.pickup (
    location_id UUID NOT NULL,
    carrier_id UUID NOT NULL,
    weekly JSONB NOT NULL,
    special_days JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT pickup_pkey PRIMARY KEY (location_id, carrier_id),
    CONSTRAINT pickup_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT pickup_carrier_id_fkey FOREIGN KEY(carrier_id) REFERENCES shipping.carrier (id)
);

CREATE TABLE shipping.carrier_calendar (
    carrier_id UUID NOT NULL,
    working_days JSONB NOT NULL,
    holiday_calendar TEXT,
    special_days JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT carrier_calendar_pkey PRIMARY KEY (carrier_id),
    CONSTRAINT carrier_calendar_carrier_id_fkey FOREIGN KEY(carrier_id) REFERENCES shipping.carrier (id)
);

CREATE TABLE sourcing.slot_template (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    method TEXT NOT NULL,
    country TEXT,
    postal_prefixes JSONB NOT NULL,
    location_id UUID,
    time_zone TEXT NOT NULL,
    weekdays JSONB NOT NULL,
    window_from TEXT NOT NULL,
    window_until TEXT NOT NULL,
    capacity INTEGER,
    overbooking_bp INTEGER NOT NULL,
    price_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    lead_minutes INTEGER NOT NULL,
    cut_off TEXT,
    cut_off_days_before INTEGER NOT NULL,
    holiday_calendar TEXT,
    from_day DATE,
    until_day DATE,
    horizon_days INTEGER NOT NULL,
    is_active BOOLEAN NOT NULL,
    generate_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT slot_template_pkey PRIMARY KEY (id),
    CONSTRAINT slot_template_method_is_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT slot_template_numbers_not_negative CHECK (capacity >= 0 AND overbooking_bp BETWEEN 0 AND 10000 AND price_minor >= 0 AND lead_minutes >= 0),
    CONSTRAINT slot_template_resource_named CHECK (CASE method WHEN 'ship' THEN country IS NOT NULL ELSE location_id IS NOT NULL END),
    CONSTRAINT slot_template_code_key UNIQUE (code),
    CONSTRAINT slot_template_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);
CREATE INDEX slot_template_generate_at_idx ON sourcing.slot_template (generate_at);

CREATE TABLE sourcing.slot (
    id UUID NOT NULL,
    method TEXT NOT NULL,
    country TEXT,
    postal_prefixes JSONB NOT NULL,
    location_id UUID,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    time_zone TEXT NOT NULL,
    capacity INTEGER,
    overbooking_bp INTEGER NOT NULL,
    price_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    lead_minutes INTEGER NOT NULL,
    cut_off_at TIMESTAMP WITH TIME ZONE,
    is_open BOOLEAN NOT NULL,
    is_own BOOLEAN NOT NULL,
    template_id UUID,
    day DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT slot_pkey PRIMARY KEY (id),
    CONSTRAINT slot_method_is_known CHECK (method IN ('ship', 'pickup')),
    CONSTRAINT slot_numbers_not_negative CHECK (capacity >= 0 AND overbooking_bp BETWEEN 0 AND 10000 AND price_minor >= 0 AND lead_minutes >= 0),
    CONSTRAINT slot_resource_named CHECK (CASE method WHEN 'ship' THEN country IS NOT NULL ELSE location_id IS NOT NULL END),
    CONSTRAINT slot_window_in_order CHECK (from_at < until_at),
    CONSTRAINT slot_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id),
    CONSTRAINT slot_template_id_fkey FOREIGN KEY(template_id) REFERENCES sourcing.slot_template (id)
);
CREATE INDEX slot_template_idx ON sourcing.slot (template_id, from_at) WHERE template_id IS NOT NULL;
CREATE INDEX slot_location_idx ON sourcing.slot (location_id, from_at) WHERE location_id IS NOT NULL;
CREATE INDEX slot_from_idx ON sourcing.slot (from_at, id);
CREATE INDEX slot_region_idx ON sourcing.slot (country, from_at) WHERE country IS NOT NULL;

CREATE TABLE sourcing.slot_hold (
    holder_id UUID NOT NULL,
    slot_id UUID NOT NULL,
    status TEXT NOT NULL,
    price_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    held_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    actor TEXT NOT NULL,
    CONSTRAINT slot_hold_pkey PRIMARY KEY (holder_id, slot_id),
    CONSTRAINT slot_hold_status_is_known CHECK (status IN ('held', 'expired', 'confirmed', 'released')),
    CONSTRAINT slot_hold_what_is_held_ends CHECK ((status = 'held') = (expires_at IS NOT NULL)),
    CONSTRAINT slot_hold_price_not_negative CHECK (price_minor >= 0),
    CONSTRAINT slot_hold_slot_id_fkey FOREIGN KEY(slot_id) REFERENCES sourcing.slot (id)
);
CREATE UNIQUE INDEX slot_hold_live_idx ON sourcing.slot_hold (holder_id) WHERE status != 'released';
CREATE INDEX slot_hold_expires_idx ON sourcing.slot_hold (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX slot_hold_slot_idx ON sourcing.slot_hold (slot_id) WHERE status != 'released';

ALTER TABLE ordering.cart ADD COLUMN slot_id UUID;
