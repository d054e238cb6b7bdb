"""Payment providers. Others come as packages with an entry point in the group `batuta.payments`."""
