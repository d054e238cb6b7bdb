"""Outside parts of identity: OpenID Connect providers."""
