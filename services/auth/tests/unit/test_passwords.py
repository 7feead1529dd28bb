import argon2
import pytest

from assay_auth.adapters.common_passwords import GuessablePasswords
from assay_auth.adapters.passwords import Argon2Hasher

CHEAP = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


class Counting(argon2.PasswordHasher):
    verified = 0

    def verify(self, hash, password):  # noqa: A002
        self.verified += 1
        return super().verify(hash, password)


async def test_only_the_right_password_fits():
    hasher = Argon2Hasher(argon2.PasswordHasher(**CHEAP))
    stored = await hasher.hash("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert await hasher.verify(stored, "correct horse battery")
    assert not await hasher.verify(stored, "correct horse batterY")
    assert not await hasher.verify("not a hash", "correct horse battery")


async def test_nobody_has_a_password_and_yet_it_is_checked():
    counting = Counting(**CHEAP)
    hasher = Argon2Hasher(counting)
    assert not await hasher.verify(None, "correct horse battery")
    assert counting.verified == 1


async def test_a_hash_of_other_parameters_is_outdated():
    old = await Argon2Hasher(argon2.PasswordHasher(**CHEAP)).hash("correct horse battery")
    today = Argon2Hasher(argon2.PasswordHasher(**{**CHEAP, "time_cost": 2}))
    assert today.is_outdated(old)
    assert await today.verify(old, "correct horse battery")
    assert not today.is_outdated(await today.hash("correct horse battery"))


async def test_the_parameters_are_those_of_rfc_9106():
    parameters = argon2.extract_parameters(await Argon2Hasher().hash("x"))
    assert parameters.type is argon2.Type.ID
    assert (parameters.time_cost, parameters.memory_cost, parameters.parallelism) == (3, 65536, 4)


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "password1234",
        "P@ssw0rd1234",
        "iloveyouiloveyou",
        "qwertyuiop[]",
        "zzzzzzzzzzzzzzzz",
        "abcabcabcabcabc" * 8,
        "Ada@Example.org",
        "adaadaadaada",
        "assay123456789",
    ],
)
async def test_what_is_guessed_first_is_known(password):
    assert await GuessablePasswords().has(password, ["ada@example.org", "ada", "assay"])


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "vK8pW2rQzT5m",
        "ein ziemlich langer Satz über Igel",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa and then vK8pW2rQzT5m",
        "пароль который никто не знает",
    ],
)
async def test_what_nobody_guesses_is_good(password):
    assert not await GuessablePasswords().has(password, ["ada@example.org", "ada", "assay"])
