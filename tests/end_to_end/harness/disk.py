"""A disk that hangs, fails or takes no writes when it is told to: a library in front of the system's own."""

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

static int refused(void) {
    const char *file = getenv("CHATD_TEST_READ_ONLY");
    return file && access(file, F_OK) == 0;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    if (refused()) { errno = EROFS; return -1; }
    return real(fd, data, size, offset);
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
        self.read_only = folder / "read-only"
        source.write_text(SOURCE)
        subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
        self.environment = {
            "LD_PRELOAD": str(library),
            "CHATD_TEST_HANG": str(self.file),
            "CHATD_TEST_FAIL": str(self.fails),
            "CHATD_TEST_READ_ONLY": str(self.read_only),
        }

    def hang(self):
        self.file.touch()

    def go_on(self):
        self.file.unlink()

    def fail(self):
        self.fails.touch()

    def mend(self):
        self.fails.unlink()
