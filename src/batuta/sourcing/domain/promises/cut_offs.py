"""The cut-off as a shopper reads it, in Spanish and in English (PRM-04)."""

_WORDS = {
    "en": {
        "within": "Order within {time}",
        "now": "Order now",
        "one_day": "1 day",
        "days": "{count} days",
        "hours": "{count} h",
        "minutes": "{count} min",
    },
    "es": {
        "within": "Haz tu pedido en las próximas {time}",
        "one_within": "Haz tu pedido en los próximos {time}",
        "now": "Haz tu pedido ahora",
        "one_day": "1 día",
        "days": "{count} días",
        "hours": "{count} h",
        "minutes": "{count} min",
    },
}

MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400


def order_within(seconds: int, locale: str) -> str:
    """Say how long there is to order, in two units at most; in English unless the locale is Spanish."""
    words = _WORDS["es" if locale.lower().startswith("es") else "en"]
    if seconds < MINUTE_S:
        return words["now"]
    days, hours, minutes = seconds // DAY_S, seconds % DAY_S // HOUR_S, seconds % HOUR_S // MINUTE_S
    parts = []
    if days:
        parts.append(words["one_day"] if days == 1 else words["days"].format(count=days))
    if hours:
        parts.append(words["hours"].format(count=hours))
    if minutes and not days:
        parts.append(words["minutes"].format(count=minutes))
    are_hours = hours > 0 and not days
    within = words["within"] if are_hours else words.get("one_within", words["within"])
    return within.format(time=" ".join(parts))
