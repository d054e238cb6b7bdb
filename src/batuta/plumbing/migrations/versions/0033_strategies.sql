-- What merchants want of plans, in versions that never change once published.
CREATE TABLE sourcing.strategy_version (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    owner TEXT NOT NULL,
    priority INTEGER NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE,
    valid_until TIMESTAMP WITH TIME ZONE,
    document JSONB NOT NULL,
    digest TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    published_by TEXT,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    withdrawn_by TEXT,
    CONSTRAINT strategy_version_pkey PRIMARY KEY (id),
    CONSTRAINT strategy_version_code_number_key UNIQUE (code, number),
    CONSTRAINT strategy_version_status_is_known CHECK (status IN ('draft', 'published', 'withdrawn')),
    CONSTRAINT strategy_version_number_counts_from_one CHECK (number > 0),
    CONSTRAINT strategy_version_published_at_a_moment CHECK ((status = 'draft') = (published_at IS NULL)),
    CONSTRAINT strategy_version_published_with_digest CHECK ((published_at IS NULL) = (digest IS NULL)),
    CONSTRAINT strategy_version_withdrawn_at_a_moment CHECK ((status = 'withdrawn') = (withdrawn_at IS NOT NULL))
);

CREATE TABLE sourcing.strategy_change (
    id INTEGER NOT NULL,
    changed_by xid8 NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT strategy_change_pkey PRIMARY KEY (id),
    CONSTRAINT strategy_change_only_one CHECK (id = 1)
);
