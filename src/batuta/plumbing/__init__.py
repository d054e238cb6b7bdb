"""The foundation: database, events, jobs, sweeps, settings, telemetry, web shell, mail. It knows no room."""
