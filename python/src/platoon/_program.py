# SPDX-License-Identifier: Apache-2.0
"""Find the program `platoon`, start it as a server, and end it."""
import errno
import os
import shutil
import socket
import subprocess
import sys

# `platoon serve --report-fd` writes "listening HOST:PORT" or "error KIND TEXT"; what the kinds are in Python:
_ERRORS = {
    "in-use": lambda text: OSError(errno.EADDRINUSE, text),
    "bad-address": lambda text: OSError(errno.EADDRNOTAVAIL, text),
    "invalid": ValueError,
}


def find():
    """The path of the program. FileNotFoundError says where it was looked for."""
    named = os.environ.get("PLATOON_BIN")
    if named:
        found = shutil.which(named)
        if not found:
            raise FileNotFoundError("PLATOON_BIN is %r, which is no program that can be run" % named)
        return found
    here = os.path.dirname(os.path.abspath(__file__))
    tree = os.path.normpath(os.path.join(here, os.pardir, os.pardir, os.pardir))
    for path in (os.path.join(here, "platoon"), os.path.join(here, "bin", "platoon"),
                 os.path.join(tree, "build", "release", "bin", "platoon")):
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    found = shutil.which("platoon")
    if not found:
        raise FileNotFoundError(
            "the program 'platoon' was not found: not in %s, not in PATH. Install Platoon (make install), or set "
            "PLATOON_BIN to its path; the server itself runs on Linux" % here)
    return found


class Server(object):
    """A running `platoon serve`. It ends when stop() is called, or when this process is no more."""

    def __init__(self, host, port, authkey, queues):
        self.exitcode = None
        key_out, key_in = os.pipe()
        report_out, report_in = os.pipe()
        argv = [find(), "serve", "--listen", _join(host, port), "--no-default-queues", "--authkey-file",
                "/dev/fd/%d" % key_out, "--insecure-authkey", "--stop-on-eof", "--report-fd", str(report_in),
                "--memory", "--log-level", "warning"]
        for queue in queues:
            argv += ["--queue", queue]
        try:
            # A pipe holds a key of 4096 bytes, the longest that is taken; one newline is cut off there.
            os.write(key_in, bytes(authkey) + b"\n")
        finally:
            os.close(key_in)
        try:
            # Its own session: Ctrl-C is for the program that started it, as with Python's server.
            self._popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                           pass_fds=(key_out, report_in), start_new_session=True)
        except OSError:
            os.close(report_out)
            raise
        finally:
            os.close(key_out)
            os.close(report_in)
        with os.fdopen(report_out, "r", encoding="utf-8", errors="replace") as report:
            line = report.readline().strip()
        self.pid = self._popen.pid
        if not line.startswith("listening "):
            self.stop()
            raise _error(line, argv[0], self.exitcode)
        self.address = (host, int(line.rsplit(":", 1)[1]))

    def forget(self):
        """In a forked child: let go of the pipe, so that only the starter's end counts."""
        self._popen.stdin.close()

    def is_alive(self):
        return self._poll() is None

    def join(self, timeout=None):
        """Wait until it has ended, at most `timeout` seconds."""
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        self._poll()

    def terminate(self):
        self._popen.terminate()

    def stop(self, patience=5):
        """End it in good order, by force if that takes longer than `patience` seconds."""
        self._popen.stdin.close()
        self.join(patience)
        if self.exitcode is None:
            self._popen.kill()
            # Not for ever: a Ctrl-C in the middle of Popen.wait() can leave Popen's lock taken, and then no wait ends.
            self.join(patience)

    def _poll(self):
        self.exitcode = self._popen.poll()
        return self.exitcode


def _join(host, port):
    return "[%s]:%d" % (host, port) if ":" in host else "%s:%d" % (host, port)


def resolve(address):
    """(host, port) as the listening socket of Python's server would name it. None: any free port of this machine."""
    if address is None:
        return "127.0.0.1", 0
    if not isinstance(address, tuple) or len(address) != 2:
        raise ValueError("Platoon listens on (host, port); address %r is something else" % (address,))
    host, port = address
    if not host:
        return "0.0.0.0", port
    return socket.getaddrinfo(host, port, socket.AF_INET if ":" not in host else socket.AF_INET6,
                              socket.SOCK_STREAM)[0][4][0], port


def _error(line, program, exitcode):
    word, _, rest = line.partition(" ")
    if word != "error":
        return RuntimeError("%s ended with %s before it listened; is it Platoon's program?" % (program, exitcode))
    kind, _, text = rest.partition(" ")
    return _ERRORS.get(kind, RuntimeError)(text)


if sys.version_info < (3, 6):
    raise ImportError("platoon needs Python 3.6 or newer")
