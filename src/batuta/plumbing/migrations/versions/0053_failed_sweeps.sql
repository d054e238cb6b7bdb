-- A sweep that fails pauses, and the others go on; here is told which one, why, and when it is tried again.
CREATE TABLE plumbing.failed_sweep (
    name TEXT NOT NULL,
    failures INTEGER NOT NULL,
    error TEXT NOT NULL,
    since_at TIMESTAMP WITH TIME ZONE NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    again_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT failed_sweep_pkey PRIMARY KEY (name)
);
