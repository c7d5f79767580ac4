"""A disk that hangs or fails when it is told to: a library in front of the system's own."""

import shutil
import subprocess

COMPILER = shutil.which("cc")

SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int flush(const char *name, int fd) {
    const char *file = getenv("CHATD_TEST_HANG");
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    const char *fails = getenv("CHATD_TEST_FAIL");
    while (file && access(file, F_OK) == 0) usleep(10000);
    if (fails && access(fails, F_OK) == 0) { errno = EIO; return -1; }
    return real(fd);
}

int fsync(int fd) { return flush("fsync", fd); }
int fdatasync(int fd) { return flush("fdatasync", fd); }
"""


class Disk:
    """Lets every flush to the disk wait, or fail, of programs that run in its ``environment``."""

    def __init__(self, folder):
        source, library = folder / "hang.c", folder / "hang.so"
        self.file = folder / "hangs"
        self.fails = folder / "fails"
        source.write_text(SOURCE)
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
        self.environment = {
            "LD_PRELOAD": str(library),
            "CHATD_TEST_HANG": str(self.file),
            "CHATD_TEST_FAIL": str(self.fails),
        }

    def hang(self):
        self.file.touch()

    def go_on(self):
        self.file.unlink()

    def fail(self):
        self.fails.touch()

    def mend(self):
        self.fails.unlink()
