-- Warehouses, stores, third parties, suppliers, and their days.
CREATE SCHEMA locations;

CREATE TABLE locations.location (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    legal_entity_id UUID NOT NULL,
    address JSONB NOT NULL,
    time_zone TEXT NOT NULL,
    currency TEXT NOT NULL,
    gln TEXT,
    latitude DOUBLE PRECISION,
    longitude DOUBLE PRECISION,
    hours JSONB NOT NULL,
    holiday_calendar TEXT,
    cut_off TEXT,
    daily_capacity_orders INTEGER,
    abilities JSONB NOT NULL,
    handling_order_minor BIGINT NOT NULL,
    handling_unit_minor BIGINT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT location_pkey PRIMARY KEY (id),
    CONSTRAINT location_kind_is_known CHECK (kind IN ('warehouse', 'store', 'third_party', 'supplier')),
    CONSTRAINT location_gln_is_digits CHECK (gln ~ '^[0-9]{13}$'),
    CONSTRAINT location_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT location_coordinates_are_whole CHECK ((latitude IS NULL) = (longitude IS NULL)),
    CONSTRAINT location_coordinates_on_earth CHECK (latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180),
    CONSTRAINT location_capacity_not_negative CHECK (daily_capacity_orders >= 0),
    CONSTRAINT location_handling_not_negative CHECK (handling_order_minor >= 0 AND handling_unit_minor >= 0),
    CONSTRAINT location_code_key UNIQUE (code),
    CONSTRAINT location_legal_entity_id_fkey FOREIGN KEY(legal_entity_id) REFERENCES company.legal_entity (id)
);

CREATE TABLE locations.special_day (
    location_id UUID NOT NULL,
    day DATE NOT NULL,
    reason TEXT NOT NULL,
    shifts JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT special_day_pkey PRIMARY KEY (location_id, day),
    CONSTRAINT special_day_location_id_fkey FOREIGN KEY(location_id) REFERENCES locations.location (id)
);
