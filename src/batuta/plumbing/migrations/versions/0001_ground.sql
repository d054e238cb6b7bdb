-- Every room has a schema of its own; nothing of batuta lives in public but the version row.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
