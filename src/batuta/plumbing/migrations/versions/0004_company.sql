-- Legal entities, brands, channels.
CREATE SCHEMA company;

CREATE TABLE company.legal_entity (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    tax_number TEXT NOT NULL,
    gs1_prefix TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT legal_entity_pkey PRIMARY KEY (id),
    CONSTRAINT legal_entity_country_is_alpha_2 CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT legal_entity_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT legal_entity_code_key UNIQUE (code)
);

CREATE TABLE company.brand (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    legal_entity_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT brand_pkey PRIMARY KEY (id),
    CONSTRAINT brand_code_key UNIQUE (code),
    CONSTRAINT brand_legal_entity_id_fkey FOREIGN KEY(legal_entity_id) REFERENCES company.legal_entity (id)
);

CREATE TABLE company.channel (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    brand_id UUID NOT NULL,
    kind TEXT NOT NULL,
    currency TEXT NOT NULL,
    country TEXT NOT NULL,
    locale TEXT NOT NULL,
    tax_mode TEXT NOT NULL,
    policies JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT channel_pkey PRIMARY KEY (id),
    CONSTRAINT channel_currency_is_alpha_3 CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT channel_country_is_alpha_2 CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT channel_kind_is_known CHECK (kind IN ('web', 'app', 'phone', 'store', 'marketplace', 'restaurant')),
    CONSTRAINT channel_tax_mode_is_known CHECK (tax_mode IN ('inclusive', 'exclusive')),
    CONSTRAINT channel_code_key UNIQUE (code),
    CONSTRAINT channel_brand_id_fkey FOREIGN KEY(brand_id) REFERENCES company.brand (id)
);
