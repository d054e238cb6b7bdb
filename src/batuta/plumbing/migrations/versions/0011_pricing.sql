-- Price lists, taxes, shipping charges.
CREATE SCHEMA pricing;

CREATE TABLE pricing.tax_rate (
    country TEXT NOT NULL,
    region TEXT NOT NULL,
    tax_category TEXT NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE,
    rate_bp INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT tax_rate_pkey PRIMARY KEY (country, region, tax_category, from_at),
    CONSTRAINT tax_rate_country_is_alpha_2 CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT tax_rate_rate_in_bounds CHECK (rate_bp BETWEEN 0 AND 100000),
    CONSTRAINT tax_rate_ends_after_it_begins CHECK (until_at > from_at)
);

CREATE TABLE pricing.price_list (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    channel_id UUID NOT NULL,
    currency TEXT NOT NULL,
    priority INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT price_list_pkey PRIMARY KEY (id),
    CONSTRAINT price_list_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT price_list_code_key UNIQUE (code),
    CONSTRAINT price_list_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id)
);

CREATE INDEX price_list_channel_id_idx ON pricing.price_list (channel_id);

CREATE TABLE pricing.shipping_charge (
    channel_id UUID NOT NULL,
    service_kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    position INTEGER NOT NULL,
    up_to_amount_minor BIGINT,
    charge_minor BIGINT NOT NULL,
    tax_category TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT shipping_charge_pkey PRIMARY KEY (channel_id, service_kind, currency, position),
    CONSTRAINT shipping_charge_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT shipping_charge_charge_not_negative CHECK (charge_minor >= 0),
    CONSTRAINT shipping_charge_bound_not_negative CHECK (up_to_amount_minor >= 0),
    CONSTRAINT shipping_charge_position_not_negative CHECK (position >= 0),
    CONSTRAINT shipping_charge_channel_id_fkey FOREIGN KEY(channel_id) REFERENCES company.channel (id)
);

CREATE TABLE pricing.price (
    price_list_id UUID NOT NULL,
    sku_id UUID NOT NULL,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE,
    amount_minor BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT price_pkey PRIMARY KEY (price_list_id, sku_id, from_at),
    CONSTRAINT price_amount_not_negative CHECK (amount_minor >= 0),
    CONSTRAINT price_ends_after_it_begins CHECK (until_at > from_at),
    CONSTRAINT price_price_list_id_fkey FOREIGN KEY(price_list_id) REFERENCES pricing.price_list (id),
    CONSTRAINT price_sku_id_fkey FOREIGN KEY(sku_id) REFERENCES catalog.sku (id)
);
