"""The API described for machines (OpenAPI 3.1) and, made of the same, for people."""

from batuta.plumbing.web.openapi.document import document_of
from batuta.plumbing.web.openapi.routes import DOCUMENTATION_ROUTES

__all__ = ["DOCUMENTATION_ROUTES", "document_of"]
