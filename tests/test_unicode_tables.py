"""tools/unicode_tables.py makes what the tables hold, of Unicode's own files."""

import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

FILES = {
    "confusables.txt": "# Version: 99.0.0\n0430 ;\t0061 ;\tMA\t# a\n"
    "006D ;\t0072 006E ;\tMA\n1D41A ;\t0061 ;\tMA\n",
    "UnicodeData.txt": "0061;A;Ll;0\n006D;M;Ll;0\n0430;A;Ll;0\n0301;ACUTE;Mn;230\n115F;FILLER;Lo;0\n"
    "4E00;<CJK Ideograph, First>;Lo;0\n9FFF;<CJK Ideograph, Last>;Lo;0\n0021;BANG;Po;0\n1039;VIRAMA;Mn;9\n",
    "Scripts.txt": "# Scripts-99.0.0.txt\n0021..002F ; Common # x\n005F ; Common\n"
    "0061..006D ; Latin\n0301 ; Inherited\n"
    "0430 ; Cyrillic\n1039 ; Myanmar\n115F ; Hangul\n4E00..9FFF ; Han\n",
    "ScriptExtensions.txt": "# ScriptExtensions-99.0.0.txt\n0301 ; Grek Latn # x\n",
    "PropertyValueAliases.txt": "# PropertyValueAliases-99.0.0.txt\nsc ; Latn ; Latin\nsc ; Cyrl ; Cyrillic\n"
    "sc ; Mymr ; Myanmar\nsc ; Hang ; Hangul\nsc ; Hani ; Han\nage; 1.1 ; V1_1\n",
    "DerivedCoreProperties.txt": "# DerivedCoreProperties-99.0.0.txt\n115F ; Default_Ignorable_Code_Point\n",
    "IndicSyllabicCategory.txt": "# IndicSyllabicCategory-99.0.0.txt\n1039 ; Invisible_Stacker\n",
}


def test_the_tables_are_made_of_the_files(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    script = runpy.run_path(str(ROOT / "tools" / "unicode_tables.py"))
    monkeypatch.setitem(script["main"].__globals__, "TARGET", tmp_path / "tables.py")
    script["main"]([str(tmp_path)])
    values = runpy.run_path(str(tmp_path / "tables.py"))
    assert values["VERSION"] == "99.0.0"
    rows = "Zyyy 2d-2e 5f\nCyrl 430\nGrek+Latn 301\nHani 4e00-9fff\nLatn 61 6d\nMymr 1039\n"
    assert values["SCRIPTS"] == rows
    assert values["STACKERS"] == "1039\n"
    assert values["PROTOTYPES"] == "6d:72+6e 430:61\n"


def test_files_of_different_versions_are_refused(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text.replace("Scripts-99", "Scripts-98"))
    command = [sys.executable, ROOT / "tools" / "unicode_tables.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "Scripts.txt is not of version 99.0.0, as confusables.txt is.\n"
