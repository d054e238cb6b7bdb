-- Carriers, rate cards, parcels, labels, scans.
CREATE SCHEMA shipping;

CREATE TABLE shipping.carrier (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    adapter TEXT NOT NULL,
    gs1_prefix TEXT NOT NULL,
    CONSTRAINT carrier_pkey PRIMARY KEY (id),
    CONSTRAINT carrier_code_key UNIQUE (code)
);

CREATE TABLE shipping.tariff_change (
    id INTEGER NOT NULL,
    changed_by xid8 NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT tariff_change_pkey PRIMARY KEY (id),
    CONSTRAINT tariff_change_only_one CHECK (id = 1)
);

CREATE TABLE shipping.unmatched_scan (
    carrier_code TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    raw_code TEXT NOT NULL,
    place TEXT NOT NULL,
    utc_offset_minutes INTEGER NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT unmatched_scan_pkey PRIMARY KEY (carrier_code, tracking_number, happened_at, raw_code, place)
);

CREATE TABLE shipping.service (
    id UUID NOT NULL,
    carrier_id UUID NOT NULL,
    code TEXT NOT NULL,
    name JSONB NOT NULL,
    kind TEXT NOT NULL,
    weight_max_g INTEGER NOT NULL,
    length_max_mm INTEGER NOT NULL,
    currency TEXT NOT NULL,
    CONSTRAINT service_pkey PRIMARY KEY (id),
    CONSTRAINT service_code_key UNIQUE (code),
    CONSTRAINT service_kind_known CHECK (kind IN ('standard', 'express', 'courier', 'pickup')),
    CONSTRAINT service_limits_positive CHECK (weight_max_g > 0 AND length_max_mm > 0),
    CONSTRAINT service_carrier_id_fkey FOREIGN KEY(carrier_id) REFERENCES shipping.carrier (id)
);

CREATE INDEX service_carrier_id_idx ON shipping.service (carrier_id);

CREATE TABLE shipping.tracking_code (
    carrier_id UUID NOT NULL,
    raw_code TEXT NOT NULL,
    status TEXT NOT NULL,
    detail TEXT NOT NULL,
    CONSTRAINT tracking_code_pkey PRIMARY KEY (carrier_id, raw_code),
    CONSTRAINT tracking_code_status_known CHECK (status IN ('pre_transit', 'accepted', 'in_transit', 'out_for_delivery', 'attempt_failed', 'available_for_pickup', 'delivered', 'exception', 'returning', 'returned', 'lost', 'cancelled', 'expired', 'unknown')),
    CONSTRAINT tracking_code_carrier_id_fkey FOREIGN KEY(carrier_id) REFERENCES shipping.carrier (id)
);

CREATE TABLE shipping.parcel (
    id UUID NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    owner_id UUID NOT NULL,
    reference TEXT NOT NULL,
    service_id UUID,
    carrier_id UUID,
    our_status TEXT NOT NULL,
    status TEXT NOT NULL,
    carrier_status TEXT NOT NULL,
    carrier_detail TEXT NOT NULL,
    carrier_at TIMESTAMP WITH TIME ZONE,
    exception_code TEXT NOT NULL,
    exception_at TIMESTAMP WITH TIME ZONE,
    tracking_number TEXT,
    sscc TEXT,
    label_format TEXT,
    origin JSONB NOT NULL,
    destination JSONB NOT NULL,
    weight_g INTEGER NOT NULL,
    length_mm INTEGER NOT NULL,
    width_mm INTEGER NOT NULL,
    height_mm INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    labelled_at TIMESTAMP WITH TIME ZONE,
    handed_over_at TIMESTAMP WITH TIME ZONE,
    delivered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT parcel_pkey PRIMARY KEY (id),
    CONSTRAINT parcel_carrier_id_tracking_number_key UNIQUE (carrier_id, tracking_number),
    CONSTRAINT parcel_sscc_key UNIQUE (sscc),
    CONSTRAINT parcel_our_status_known CHECK (our_status IN ('open', 'closed', 'labelled', 'manifested', 'voided')),
    CONSTRAINT parcel_status_known CHECK (status IN ('open', 'closed', 'labelled', 'manifested', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'delivered', 'exception', 'returning', 'returned', 'lost', 'voided')),
    CONSTRAINT parcel_label_format_known CHECK (label_format IN ('zpl', 'pdf')),
    CONSTRAINT parcel_weight_positive CHECK (weight_g > 0),
    CONSTRAINT parcel_service_with_carrier CHECK ((service_id IS NULL) = (carrier_id IS NULL)),
    CONSTRAINT parcel_tracked_by_a_carrier CHECK (tracking_number IS NULL OR carrier_id IS NOT NULL),
    CONSTRAINT parcel_handed_over_dated CHECK (our_status <> 'manifested' OR handed_over_at IS NOT NULL),
    CONSTRAINT parcel_sscc_of_18_digits CHECK (sscc ~ '^[0-9]{18}$'),
    CONSTRAINT parcel_service_id_fkey FOREIGN KEY(service_id) REFERENCES shipping.service (id),
    CONSTRAINT parcel_carrier_id_fkey FOREIGN KEY(carrier_id) REFERENCES shipping.carrier (id)
);

CREATE INDEX parcel_owner_id_idx ON shipping.parcel (owner_id);

CREATE TABLE shipping.rate (
    service_id UUID NOT NULL,
    zone TEXT NOT NULL,
    weight_up_to_g INTEGER NOT NULL,
    price_minor BIGINT NOT NULL,
    CONSTRAINT rate_pkey PRIMARY KEY (service_id, zone, weight_up_to_g),
    CONSTRAINT rate_weight_positive CHECK (weight_up_to_g > 0),
    CONSTRAINT rate_price_not_negative CHECK (price_minor >= 0),
    CONSTRAINT rate_service_id_fkey FOREIGN KEY(service_id) REFERENCES shipping.service (id)
);

CREATE TABLE shipping.transit (
    service_id UUID NOT NULL,
    zone TEXT NOT NULL,
    days_min INTEGER NOT NULL,
    days_max INTEGER NOT NULL,
    CONSTRAINT transit_pkey PRIMARY KEY (service_id, zone),
    CONSTRAINT transit_days_in_order CHECK (days_min >= 0 AND days_min <= days_max),
    CONSTRAINT transit_service_id_fkey FOREIGN KEY(service_id) REFERENCES shipping.service (id)
);

CREATE TABLE shipping.zone_rule (
    service_id UUID NOT NULL,
    origin_country TEXT NOT NULL,
    origin_prefix TEXT NOT NULL,
    destination_country TEXT NOT NULL,
    destination_prefix TEXT NOT NULL,
    zone TEXT NOT NULL,
    CONSTRAINT zone_rule_pkey PRIMARY KEY (service_id, origin_country, origin_prefix, destination_country, destination_prefix),
    CONSTRAINT zone_rule_service_id_fkey FOREIGN KEY(service_id) REFERENCES shipping.service (id)
);

CREATE TABLE shipping.content (
    parcel_id UUID NOT NULL,
    line_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    CONSTRAINT content_pkey PRIMARY KEY (parcel_id, line_id, sku_id),
    CONSTRAINT content_quantity_positive CHECK (quantity > 0),
    CONSTRAINT content_parcel_id_fkey FOREIGN KEY(parcel_id) REFERENCES shipping.parcel (id)
);

CREATE TABLE shipping.label (
    parcel_id UUID NOT NULL,
    zpl TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT label_pkey PRIMARY KEY (parcel_id),
    CONSTRAINT label_parcel_id_fkey FOREIGN KEY(parcel_id) REFERENCES shipping.parcel (id)
);

CREATE TABLE shipping.scan (
    parcel_id UUID NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    raw_code TEXT NOT NULL,
    place TEXT NOT NULL,
    utc_offset_minutes INTEGER NOT NULL,
    status TEXT NOT NULL,
    detail TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT scan_pkey PRIMARY KEY (parcel_id, happened_at, raw_code, place),
    CONSTRAINT scan_status_known CHECK (status IN ('pre_transit', 'accepted', 'in_transit', 'out_for_delivery', 'attempt_failed', 'available_for_pickup', 'delivered', 'exception', 'returning', 'returned', 'lost', 'cancelled', 'expired', 'unknown')),
    CONSTRAINT scan_parcel_id_fkey FOREIGN KEY(parcel_id) REFERENCES shipping.parcel (id)
);
