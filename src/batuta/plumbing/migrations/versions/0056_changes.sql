-- Who changed last what processes keep in memory.
CREATE TABLE plumbing.change (
    subject TEXT NOT NULL,
    changed_by XID8 NOT NULL,
    CONSTRAINT change_pkey PRIMARY KEY (subject, changed_by)
);
