"""Completion of paths: what is offered is what the command then takes, whatever files are called."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.cli.slash import first_word, parse
from chatd.client.cli.terminal.completing import MOST, complete_path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("notes.txt", "My File.txt", "it's", ".hidden", "naïve.md", "evil\x1b[31m"):
        (tmp_path / name).write_text("x")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a b.pdf").write_text("x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("before", "word", "choices"),
    [
        ("/put n", "n", ["naïve.md ", "notes.txt "]),
        ("/put My", "My", ["My\\ File.txt "]),
        ("/put My\\ F", "My\\ F", ["My\\ File.txt "]),
        ('/put "My F', '"My F', ['"My File.txt" ']),
        ("/put 'My F", "'My F", ["'My File.txt' "]),
        ("/put it", "it", ["it\\'s "]),
        ("/put 'it", "'it", []),
        ("/put d", "d", ["docs/"]),
        ("/put 'd", "'d", ["'docs/"]),
        ("/put docs/", "docs/", ["docs/a\\ b.pdf "]),
        ("/put .h", ".h", [".hidden "]),
        ("/put evil", "evil", []),
        ("/put nowhere/", "nowhere/", []),
        ("/put ~nobody-at-all/", "~nobody-at-all/", []),
        ("/put \0", "\0", []),
        ("/PUT no", "no", ["notes.txt "]),
        ("/get 7 d", "d", ["docs/"]),
        ("/get abcd n", "n", ["naïve.md ", "notes.txt "]),
    ],
)
def test_paths_are_completed_as_the_command_reads_them(folder, before, word, choices):
    assert complete_path(before) == (word, choices)


@pytest.mark.parametrize(
    "before", ["/put", "/put notes.txt a ca", "/get 7", "/topic n", "put n", "n", "//put n"]
)
def test_other_words_are_no_paths(folder, before):
    assert complete_path(before) is None


def test_a_home_and_a_whole_path_are_known(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    assert complete_path("/put ~/do") == ("~/do", ["~/docs/"])
    assert complete_path(f"/put {folder}/not") == (f"{folder}/not", [f"{folder}/notes.txt "])


def test_a_full_folder_does_not_flood_the_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(MOST + 50):
        (tmp_path / f"f{number}").touch()
    offer = complete_path("/put f")
    assert offer is not None
    assert len(offer.choices) == MOST


NAMES = st.text(st.sampled_from(string.printable[:95].replace("/", "") + "éß世"), min_size=1, max_size=12)


@given(name=NAMES.filter(lambda name: name[0] != "."), quote=st.sampled_from(["", "'", '"']))
def test_whatever_a_file_is_called_the_command_takes_what_is_offered(tmp_path_factory, name, quote):
    folder = tmp_path_factory.mktemp("folder")
    (folder / name).touch()
    offer = complete_path(f"/put {quote}{folder}/{name[0] if name[0].isalnum() else ''}")
    assert offer is not None
    if quote and (quote in name or "\\" in name):
        assert not offer.choices
    else:
        assert len(offer.choices) == 1
        put = parse(f"/put {offer.choices[0]}a caption")
        assert first_word(put.argument) == (f"{folder}/{name}", "a caption")
