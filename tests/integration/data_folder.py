# SPDX-License-Identifier: Apache-2.0
"""A data folder on a file system that is mounted for the test, by FUSE spoken here: no program is needed for it."""
import ctypes
import errno
import os
import struct
import threading

import support
from support import check_equal, check_in, skip, test
from support_store import Store


class FuseMount:
    """A file system of this process, mounted as `type`: a root folder with nothing in it, in which nothing can be made."""

    INIT, GETATTR, STATFS, FORGET, BATCH_FORGET, INTERRUPT = 26, 3, 17, 2, 42, 36

    def __init__(self, t, type):
        self.path = t.tmp / type
        self.path.mkdir()
        try:
            self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as e:
            skip("no FUSE on this machine: %s" % e)
        self.libc = ctypes.CDLL(None, use_errno=True)
        options = "fd=%d,rootmode=40755,user_id=%d,group_id=%d,allow_other" % (self.fd, os.getuid(), os.getgid())
        if self.libc.mount(type.encode(), str(self.path).encode(), type.encode(), 6, options.encode()) != 0:
            os.close(self.fd)
            skip("a file system cannot be mounted here (needs root): %s" % os.strerror(ctypes.get_errno()))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 20)
            except OSError:
                return  # it is not mounted any more
            _, opcode, unique = struct.unpack_from("=IIQ", request)
            if opcode in (self.FORGET, self.BATCH_FORGET, self.INTERRUPT):
                continue
            body, error = b"", 0
            if opcode == self.INIT:
                body = struct.pack("=IIIIHHI", 7, 31, 0, 0, 0, 0, 4096) + bytes(40)
            elif opcode == self.GETATTR:
                body = struct.pack("=QII", 0, 0, 0) + struct.pack("=6Q10I", 1, *[0] * 8, 0o40755, 2, *[0] * 5)
            elif opcode == self.STATFS:
                body = struct.pack("=5Q4I24x", 1000, 1000, 1000, 1000, 1000, 4096, 255, 4096, 0)
            else:
                error = -errno.ENOSYS
            os.write(self.fd, struct.pack("=IiQ", 16 + len(body), error, unique) + body)

    def unmount(self):
        check_equal(self.libc.umount2(str(self.path).encode(), 2), 0, "umount2")
        os.close(self.fd)


@test
def a_folder_that_is_mounted_from_another_machine_is_refused(t):
    """Mounts that look to the kernel as those of sshfs and of a local file system do. NFS and its like are asked for in
    another way, which the unit test shows."""
    for kind, code, words in (("fuse.sshfs", 2, "is on a network file system (sshfs)"), ("fuse.mergerfs", 1, "cannot open")):
        mount = FuseMount(t, kind)
        try:
            exit_code, stderr = Store(t, data=mount.path).refused()
        finally:
            mount.unmount()
        check_in(words, stderr)
        check_equal(exit_code, code, "exit code on %s" % kind)


if __name__ == "__main__":
    support.main()
