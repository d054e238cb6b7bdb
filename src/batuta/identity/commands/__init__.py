"""Staff, passwords, sessions, keys, rate limits."""

from batuta.identity.commands.allowing import forget_allowances, give_back, take
from batuta.identity.commands.keys import make_key, make_up_key, note_use, revoke_keys
from batuta.identity.commands.openid import forget_begun, keep_begun, take_begun
from batuta.identity.commands.passwords import change_password, end_sessions, make_up_passwords, set_password
from batuta.identity.commands.sessions import begin_session, end_session, forget_sessions, sign_in, touch_session
from batuta.identity.commands.staff import admit, save_staff

__all__ = [
    "admit",
    "begin_session",
    "change_password",
    "end_session",
    "end_sessions",
    "forget_allowances",
    "forget_begun",
    "forget_sessions",
    "give_back",
    "keep_begun",
    "make_key",
    "make_up_key",
    "make_up_passwords",
    "note_use",
    "revoke_keys",
    "save_staff",
    "set_password",
    "sign_in",
    "take",
    "take_begun",
    "touch_session",
]
