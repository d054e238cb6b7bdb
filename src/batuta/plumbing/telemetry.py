"""What batuta says about itself: structured logs on standard error, metrics for Prometheus."""

import logging
import sys
from typing import Literal

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, PlatformCollector, ProcessCollector, exposition
from structlog.typing import Processor

METRICS_TYPE = exposition.CONTENT_TYPE_LATEST

registry = CollectorRegistry()
"""Every metric of batuta is registered here, and nothing that a library registers by itself."""

ProcessCollector(registry=registry)
PlatformCollector(registry=registry)

request_seconds = Histogram(
    "batuta_http_request_seconds",
    "Time from the request's arrival to the end of its answer",
    ("method", "route", "status"),
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)

batch_items = Histogram(
    "batuta_batch_items",
    "How many requests one transaction of a batched command carried out",
    ("command",),
    registry=registry,
    buckets=(1, 2, 4, 8, 16, 32, 64, 100),
)

batches_run_again = Counter(
    "batuta_batches_run_again_total",
    "Transactions of a batched command that met others' work or lost their connection, and were run again",
    ("command",),
    registry=registry,
)


def metrics_text() -> bytes:
    """Return all metrics in Prometheus' text format."""
    return exposition.generate_latest(registry)


def configure_logs(*, level: str, form: Literal["auto", "console", "json"]) -> None:
    """Send our logs and those of libraries to standard error, in one form.

    Safe to call again: the last call holds.
    """
    is_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    # Without local variables: they hold customers' data.
    dict_trace = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    plain_trace = structlog.dev.plain_traceback
    renderers: list[Processor] = (
        [structlog.processors.ExceptionRenderer(dict_trace), structlog.processors.JSONRenderer(default=str)]
        if is_json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain_trace)]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
