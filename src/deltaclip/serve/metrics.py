"""What /metrics tells, in Prometheus' form: kept in one registry of our own, for one server in a process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["INDEXED", "JOBS_WAITING", "MOMENTS", "REGISTRY", "REQUESTS", "REQUEST_SECONDS", "STAGE_SECONDS", "WAITING"]

REGISTRY = CollectorRegistry()
_BUCKETS = (0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.2, 0.4, 1, 2, 5, 10, 30)

REQUESTS = Counter(
    "deltaclip_requests", "Requests by route, method and status", ("route", "method", "status"), registry=REGISTRY
)
REQUEST_SECONDS = Histogram(
    "deltaclip_request_seconds",
    "From a request to the head of its answer",
    ("route",),
    buckets=_BUCKETS,
    registry=REGISTRY,
)
STAGE_SECONDS = Histogram(
    "deltaclip_stage_seconds",
    "Stages of an answer: wait (in the queue), encode (texts that waited together), search, picture, cut",
    ("stage",),
    buckets=_BUCKETS,
    registry=REGISTRY,
)
WAITING = Gauge("deltaclip_questions_waiting", "Questions that wait to be answered", registry=REGISTRY)
JOBS_WAITING = Gauge("deltaclip_jobs_waiting", "Index jobs that wait or run", registry=REGISTRY)
MOMENTS = Gauge("deltaclip_moments", "Moments that can be found", ("library",), registry=REGISTRY)
INDEXED = Gauge("deltaclip_videos", "Videos with moments that can be found", ("library",), registry=REGISTRY)
