"""Hash and check passwords of the console with Argon2id (RFC 9106, by argon2-cffi)."""

from functools import cache

from features.errors import GuanjiaError

SHORTEST, LONGEST = 12, 200


def hash_password(password: str) -> str:
    """Hash a password, with a salt of its own."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Check a password against a hash; None, of nobody, takes as long and is never right."""
    from argon2 import PasswordHasher
    from argon2.exceptions import InvalidHashError, VerificationError

    if len(password) > LONGEST:
        return False
    try:
        PasswordHasher().verify(password_hash or _hash_of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def require_strong(password: str, user_name: str) -> None:
    """Refuse a password that can be guessed.

    Parameters
    ----------
    password : str
        As typed.
    user_name : str
        The name that logs in, which it may not hold.

    Raises
    ------
    GuanjiaError
        If it is too short or too long, holds the name, or repeats a few characters.
    """
    cure = f"use {SHORTEST} characters or more that no one guesses, such as four random words"
    if not SHORTEST <= len(password) <= LONGEST:
        fault = f"has {len(password)} characters"
        raise GuanjiaError("password", fault, cure)
    if user_name.casefold() in password.casefold():
        raise GuanjiaError("password", "holds the name of the user", cure)
    if len(set(password)) < 6:
        raise GuanjiaError("password", "repeats a few characters", cure)


@cache
def _hash_of_nobody() -> str:
    return hash_password("nobody has this password")
