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
