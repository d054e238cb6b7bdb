-- Passwords, sessions, API keys, rate limits; what staff may do and where.
ALTER TABLE identity.staff
    ADD COLUMN channel_ids JSONB DEFAULT '[]' NOT NULL,
    ADD COLUMN limits JSONB DEFAULT '{}' NOT NULL,
    ADD COLUMN version INTEGER DEFAULT 1 NOT NULL;

CREATE TABLE identity.allowance (
    name TEXT NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT allowance_pkey PRIMARY KEY (name)
);

CREATE INDEX allowance_until_at_idx ON identity.allowance (until_at);

CREATE TABLE identity.api_key (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    secret_hash BYTEA NOT NULL,
    shown TEXT,
    permissions JSONB NOT NULL,
    channel_ids JSONB NOT NULL,
    location_ids JSONB NOT NULL,
    limits JSONB NOT NULL,
    requests_per_minute INTEGER NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_hash_is_whole CHECK (length(secret_hash) = 32),
    CONSTRAINT api_key_requests_are_allowed CHECK (requests_per_minute > 0),
    CONSTRAINT api_key_ends_after_its_beginning CHECK (expires_at > created_at)
);

CREATE UNIQUE INDEX api_key_name_in_force_key ON identity.api_key (name) WHERE revoked_at IS NULL;

CREATE TABLE identity.openid_begun (
    state_hash BYTEA NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    return_to TEXT NOT NULL,
    browser_hash BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT openid_begun_pkey PRIMARY KEY (state_hash)
);

CREATE INDEX openid_begun_created_at_idx ON identity.openid_begun (created_at);

CREATE TABLE identity.password (
    staff_id UUID NOT NULL,
    hashed TEXT NOT NULL,
    shown TEXT,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT password_pkey PRIMARY KEY (staff_id),
    CONSTRAINT password_hashed_by_argon2id CHECK (hashed LIKE '$argon2id$%'),
    CONSTRAINT password_staff_id_fkey FOREIGN KEY(staff_id) REFERENCES identity.staff (id)
);

CREATE TABLE identity.session (
    token_hash BYTEA NOT NULL,
    staff_id UUID NOT NULL,
    browser_hash BYTEA NOT NULL,
    address TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT session_pkey PRIMARY KEY (token_hash),
    CONSTRAINT session_hashes_are_whole CHECK (length(token_hash) = 32 AND length(browser_hash) = 32),
    CONSTRAINT session_staff_id_fkey FOREIGN KEY(staff_id) REFERENCES identity.staff (id)
);

CREATE INDEX session_created_at_idx ON identity.session (created_at);

CREATE INDEX session_staff_id_address_idx ON identity.session (staff_id, address);
