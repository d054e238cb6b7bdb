from pathlib import Path

import pytest

from batuta.plumbing.settings import (
    BadSetting,
    BadSettingsFile,
    Origin,
    UnknownSetting,
    load_settings,
)


def test_without_anything_said_defaults_hold(tmp_path: Path) -> None:
    loaded = load_settings({}, folder=tmp_path)

    assert loaded.settings.port == 8000
    assert loaded.settings.database_url is None
    assert set(loaded.origins.values()) == {Origin.DEFAULT}
    assert loaded.file is None


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    (tmp_path / "batuta.toml").write_text('port = 9000\nhost = "0.0.0.0"\n')

    loaded = load_settings({"BATUTA_PORT": "9001", "HOME": "/"}, folder=tmp_path)

    assert (loaded.settings.host, loaded.settings.port, loaded.settings.log_level) == ("0.0.0.0", 9001, "info")  # noqa: S104
    assert loaded.origins["host"] is Origin.FILE
    assert loaded.origins["port"] is Origin.ENVIRONMENT
    assert loaded.origins["log_level"] is Origin.DEFAULT


def test_another_file_may_be_named_and_its_folders_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "shops").mkdir()
    (tmp_path / "shops" / "lisbon.toml").write_text('data_folder = "lisbon"\n')

    loaded = load_settings({"BATUTA_SETTINGS": "shops/lisbon.toml"}, folder=tmp_path)

    assert loaded.settings.data_folder == tmp_path / "shops" / "lisbon"


def test_a_named_file_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettingsFile, match="No such file"):
        load_settings({"BATUTA_SETTINGS": "gone.toml"}, folder=tmp_path)


def test_a_file_that_is_no_toml_is_told_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "batuta.toml").write_text("port = \n")
    with pytest.raises(BadSettingsFile, match="line 1"):
        load_settings({}, folder=tmp_path)


@pytest.mark.parametrize("text", ["port = 'many'", "port = '8000'", "port = 70000", "data_folder = 7"])
def test_a_value_that_does_not_fit_names_its_setting(tmp_path: Path, text: str) -> None:
    (tmp_path / "batuta.toml").write_text(text)
    with pytest.raises(BadSetting) as problem:
        load_settings({}, folder=tmp_path)
    assert problem.value.facts["setting"] == text.split(maxsplit=1)[0]
    assert problem.value.facts["origin"] is Origin.FILE


def test_a_variable_that_does_not_fit_names_itself(tmp_path: Path) -> None:
    sentence = "BATUTA_LOG_LEVEL takes one of debug, error, info, warning, and 'loud' is not that"
    with pytest.raises(BadSetting, match=f"^{sentence}$"):
        load_settings({"BATUTA_LOG_LEVEL": "loud"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("BATUTA_PORT", "abc", "a whole number from 1 to 65535"),
        ("BATUTA_DATABASE_PORT", "70000", "a whole number from 1 to 65535"),
        ("BATUTA_DEMO_COMPANY", "nein", "true or false"),
        ("BATUTA_WORKER", "2", "true or false"),
    ],
)
def test_a_value_that_does_not_fit_is_told_what_would(tmp_path: Path, variable: str, value: str, wanted: str) -> None:
    with pytest.raises(BadSetting, match=f"{variable} takes {wanted}, and '{value}' is not that") as problem:
        load_settings({variable: value}, folder=tmp_path)
    assert problem.value.facts["wanted"] == wanted


def test_a_file_is_named_beside_what_is_wrong_in_it(tmp_path: Path) -> None:
    file = tmp_path / "batuta.toml"
    for text, sentence in (("prt = 1", f"no setting prt in {file}"), ("port = 0", f"port in {file} takes a whole")):
        file.write_text(text)
        with pytest.raises((BadSetting, UnknownSetting), match=sentence):
            load_settings({}, folder=tmp_path)


def test_a_secret_that_does_not_fit_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "batuta.toml").write_text("smtp_url = 4711")
    with pytest.raises(BadSetting) as problem:
        load_settings({}, folder=tmp_path)
    assert "4711" not in f"{problem.value.sentence} {problem.value.facts}"


@pytest.mark.parametrize(("said", "meant"), [("yes", True), ("On", True), ("1", True), ("NO", False), ("off", False)])
def test_a_variable_may_say_yes_or_no_as_people_do(tmp_path: Path, said: str, meant: bool) -> None:  # noqa: FBT001 - what is meant
    assert load_settings({"BATUTA_DEMO_COMPANY": said}, folder=tmp_path).settings.demo_company is meant


def test_a_variable_that_is_empty_says_nothing(tmp_path: Path) -> None:
    loaded = load_settings({"BATUTA_PORT": "", "BATUTA_SMTP_URL": ""}, folder=tmp_path)
    assert (loaded.settings.port, loaded.settings.smtp_url) == (8000, None)
    assert loaded.origins["port"] is Origin.DEFAULT


def test_a_misspelt_name_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UnknownSetting, match="did you mean BATUTA_DATABASE_URL") as problem:
        load_settings({"BATUTA_DATABASE_UL": "x"}, folder=tmp_path)
    assert problem.value.facts["setting"] == "BATUTA_DATABASE_UL"


def test_every_setting_is_described_and_passwords_are_masked(tmp_path: Path) -> None:
    environment = {"BATUTA_DATABASE_URL": "postgresql://shop:s3cr3t@db.internal:5432/shop?sslmode=require"}
    described = {one.name: one for one in load_settings(environment, folder=tmp_path).described()}

    assert all(len(one.description) > 20 for one in described.values())
    assert described["database_url"].shown == "postgresql://shop:***@db.internal:5432/shop?sslmode=require"
    assert described["database_url"].variable == "BATUTA_DATABASE_URL"
    assert described["smtp_url"].shown == "-"
