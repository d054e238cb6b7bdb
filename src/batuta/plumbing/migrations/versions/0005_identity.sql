-- Staff.
CREATE SCHEMA identity;

CREATE TABLE identity.staff (
    id UUID NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    location_ids JSONB NOT NULL,
    locale TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT staff_pkey PRIMARY KEY (id),
    CONSTRAINT staff_role_is_known CHECK (role IN ('admin', 'operator', 'agent', 'picker', 'store', 'finance', 'viewer')),
    CONSTRAINT staff_email_is_lower CHECK (email = lower(email)),
    CONSTRAINT staff_email_key UNIQUE (email)
);
