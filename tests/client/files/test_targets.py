"""Where a received file goes: never over another, never outside its folder, on where an earlier run ended."""

import errno
import hashlib
import os
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.client.core.problems import ClientError
from chatd.client.files.targets import SYNC_BYTES, Target, Wanted, _numbered
from chatd.wire.messages import File


def file_of(data, name="report.pdf"):
    return File(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def receive(data, output="", name="report.pdf", force=False):
    target = Target(Wanted(output, force), file_of(data, name))
    target.write((data[target.stored :],))
    try:
        return target.finish()
    finally:
        target.close()


def refusal(*arguments, **how):
    with pytest.raises(ClientError) as refused:
        receive(*arguments, **how)
    return refused.value.code, refused.value.text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_gets_its_name_and_leaves_nothing_beside_it(tmp_path):
    before = os.umask(0o027)
    try:
        path = receive(b"data")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"data"
    assert names(tmp_path) == ["report.pdf"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_there_is_never_written_over(tmp_path):
    for number in range(3):
        receive(b"%d" % number)
    (tmp_path / "report (3).pdf").symlink_to("nowhere")
    receive(b"3")
    assert names(tmp_path) == [f"report{tail}.pdf" for tail in (" (1)", " (2)", " (3)", " (4)", "")]
    assert [(tmp_path / f"report{tail}.pdf").read_text() for tail in ("", " (1)", " (2)", " (4)")] == [
        *"0123"
    ]


def test_a_name_that_was_taken_meanwhile_is_left_alone(tmp_path):
    target = Target(Wanted(), file_of(b"mine"))
    target.write((b"mine",))
    (tmp_path / "report.pdf").write_text("yours")
    assert target.finish().name == "report (1).pdf"
    target.close()
    assert (tmp_path / "report.pdf").read_text() == "yours"
    named = Target(Wanted("out"), file_of(b"mine"))
    named.write((b"mine",))
    (tmp_path / "out").write_text("yours")
    with pytest.raises(ClientError, match="is there already"):
        named.finish()
    named.close()
    assert (tmp_path / "out").read_text() == "yours"
    assert (tmp_path / "out.part").read_text() == "mine"


def test_what_an_earlier_run_has_left_is_gone_on_with(tmp_path):
    data = os.urandom(3 * SYNC_BYTES[0])
    target = Target(Wanted(), file_of(data))
    written, stored = target.write((data[: SYNC_BYTES[0] + 5],))
    assert written == stored == SYNC_BYTES[0] + 5
    assert target.write((data[written : written + 7],)) == (written + 7, stored)
    target._partial.close()  # as a crash does: what was not synced is not counted
    again = Target(Wanted(), file_of(data))
    assert again.stored == stored
    again.write((data[stored : stored + 9],))
    again.close()
    assert Target(Wanted(), file_of(data)).stored == stored + 9
    assert names(tmp_path) == ["report.pdf.part", "report.pdf.part.json"]


def test_a_crash_before_anything_was_stored_leaves_what_is_known_again(tmp_path):
    target = Target(Wanted(), file_of(b"data" * 100))
    target.write((b"data",))
    target._partial.close()
    assert Target(Wanted(), file_of(b"data" * 100)).stored == 0
    assert names(tmp_path) == ["report.pdf.part", "report.pdf.part.json"]


def test_two_at_once_do_not_touch_each_other(tmp_path):
    one, two = (Target(Wanted(), file_of(b"data")) for _ in range(2))
    for target in (one, two):
        target.write((b"data",))
    paths = [target.finish() for target in (two, one)]
    assert [path.name for path in paths] == ["report (1).pdf", "report.pdf"]
    assert names(tmp_path) == ["report (1).pdf", "report.pdf"]
    Target(Wanted("out"), file_of(b"data"))
    holder = Target(Wanted("other"), file_of(b"data"))
    assert refusal(b"data", "other") == ("target-in-use", "other is being received by another program.")
    holder.close()


def test_a_part_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "report.pdf.part").write_text("a file of the user")
    assert receive(b"data").name == "report (1).pdf"
    assert (tmp_path / "report.pdf.part").read_text() == "a file of the user"
    assert "of another file" in refusal(b"data", "report.pdf")[1]
    Target(Wanted("x"), file_of(b"one"))._partial.close()
    assert "of another file" in refusal(b"two", "x")[1]
    assert receive(b"two", "x", force=True).read_bytes() == b"two"


def test_a_named_file_is_replaced_only_with_force(tmp_path):
    (tmp_path / "out").write_text("old")
    assert refusal(b"new", "out") == (
        "target-exists",
        "out is there already; name another, or replace it with --force.",
    )
    assert receive(b"new", "out", force=True).read_bytes() == b"new"
    assert names(tmp_path) == ["out"]
    assert receive(b"again", str(tmp_path / "named"), force=True) == tmp_path / "named"


def test_a_folder_may_be_named(tmp_path):
    (tmp_path / "folder").mkdir()
    for output in ("folder", "folder/", str(tmp_path / "folder")):
        receive(b"x", output)
    assert len(names(tmp_path / "folder")) == 3
    assert receive(b"x", "..", name="in-parent").parent.samefile(tmp_path.parent)
    (tmp_path.parent / "in-parent").unlink()
    assert receive(b"x", "folder/../sub") == tmp_path.__class__("folder/../sub")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("none/", "There is no folder none; make it"),
        ("none/x", "There is no folder none; make it, or name another."),
        ("-", "received into a file; name one, then read it."),
        ("a\0b", "cannot be the name"),
        ("x" * 250, "is too long"),
        ("/dev/null", "is there already"),
    ],
)
def test_what_cannot_be_is_one_sentence(output, said):
    assert said in refusal(b"x", output)[1]


def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is no file that could be replaced" in refusal(b"x", "pipe", force=True)[1]
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert "is no file that could be replaced" in refusal(b"x", "link", force=True)[1]


def test_bytes_that_are_wrong_are_not_kept(tmp_path):
    target = Target(Wanted(), file_of(b"data"))
    target.write((b"dada",))
    with pytest.raises(ClientError) as mismatch:
        target.finish()
    target.close()
    assert (mismatch.value.code, names(tmp_path)) == ("hash-mismatch", [])


def test_a_full_disk_is_one_sentence_and_what_came_stays(tmp_path, monkeypatch):
    target = Target(Wanted(), file_of(b"data" * 1000))
    target.write((b"data",))
    target.sync()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(ClientError) as problem:
            target.write((b"more",))
    assert problem.value.text == (
        f"{tmp_path} cannot be written: no space is left on the disk; free some, then get it again."
        " What has come stays."
    )
    target.close()
    assert Target(Wanted(), file_of(b"data" * 1000)).stored == 4


HOSTILE = [
    "../../etc/passwd",
    "/etc/passwd",
    "..",
    ".",
    "",
    ".bashrc",
    "-rf",
    "a\0b",
    "C:\\windows\\x.dll",
    "con.txt",
    "x\n\x1b[2J",
    "x" * 10_000,
    "\u202egpj.exe",
    "a/../b",
    "~root",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    (tmp_path / "in").mkdir()
    path = receive(b"x", "in", name=name)
    assert path.parent.samefile(tmp_path / "in")
    assert names(tmp_path) == ["in"]
    assert path.name == path.name.strip(". -~")
    assert path.name.isprintable()


@settings(deadline=None)  # it waits for a disk
@given(st.text(max_size=100))
def test_no_text_leads_out_of_the_folder(tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("any")
    for _ in range(2):
        path = receive(b"x", str(folder), name=name)
        assert path.parent == folder
    assert len(names(folder)) == 2


def test_numbers_keep_a_name_short_enough_for_what_is_added():
    for name in ("x" * 239, "é" * 119 + "x", "x" * 230 + ".tar"):
        for number, numbered in zip(range(12), _numbered(name), strict=False):
            assert len(numbered.encode()) + len(".part.json.new") <= 255
            assert number == 0 or f"({number})" in numbered
