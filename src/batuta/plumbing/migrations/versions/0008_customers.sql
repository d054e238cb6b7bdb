-- People and companies, their addresses and consents.
CREATE SCHEMA customers;

CREATE TABLE customers.customer (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    locale TEXT NOT NULL,
    country TEXT NOT NULL,
    email TEXT,
    phone TEXT,
    tax_number TEXT,
    is_guest BOOLEAN NOT NULL,
    external_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT customer_pkey PRIMARY KEY (id),
    CONSTRAINT customer_kind_is_known CHECK (kind IN ('person', 'company')),
    CONSTRAINT customer_phone_is_e164 CHECK (phone ~ '^[+][1-9][0-9]{3,14}$'),
    CONSTRAINT customer_external_id_key UNIQUE (external_id)
);

CREATE INDEX customer_email_idx ON customers.customer (email) WHERE email IS NOT NULL;

CREATE TABLE customers.consent (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    medium TEXT NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    proof TEXT NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT consent_pkey PRIMARY KEY (id),
    CONSTRAINT consent_purpose_is_known CHECK (purpose IN ('marketing', 'profiling', 'reviews', 'sharing')),
    CONSTRAINT consent_medium_is_known CHECK (medium IN ('email', 'sms', 'phone', 'post', 'web')),
    CONSTRAINT consent_withdrawn_after_given CHECK (withdrawn_at >= given_at),
    CONSTRAINT consent_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers.customer (id)
);

CREATE INDEX consent_customer_id_idx ON customers.consent (customer_id);

CREATE UNIQUE INDEX consent_one_in_force ON customers.consent (customer_id, purpose, medium) WHERE withdrawn_at IS NULL;

CREATE TABLE customers.customer_address (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    address JSONB NOT NULL,
    label TEXT NOT NULL,
    is_shipping_default BOOLEAN NOT NULL,
    is_billing_default BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT customer_address_pkey PRIMARY KEY (id),
    CONSTRAINT customer_address_customer_id_fkey FOREIGN KEY(customer_id) REFERENCES customers.customer (id)
);

CREATE INDEX customer_address_customer_id_idx ON customers.customer_address (customer_id);

CREATE UNIQUE INDEX customer_address_one_billing_default ON customers.customer_address (customer_id) WHERE is_billing_default;

CREATE UNIQUE INDEX customer_address_one_shipping_default ON customers.customer_address (customer_id) WHERE is_shipping_default;
