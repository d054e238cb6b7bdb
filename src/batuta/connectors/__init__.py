"""Outside systems, one package each: what they are told and what they tell us. No connector knows another."""
