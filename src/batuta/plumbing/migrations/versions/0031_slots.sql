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
