"""What may be known of ways on."""

from batuta.orchestration.queries.choices import Ways, choices_of, waiting_at

__all__ = ["Ways", "choices_of", "waiting_at"]
