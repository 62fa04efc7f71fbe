# SPDX-License-Identifier: Apache-2.0
"""The process of the `python` runner: imports the user's module once, calls the function once for each task.

Started as `PYTHON -u -c BOOTSTRAP TARGET`, in the worker's --root; the bootstrap (runner_python.c) reads this from
descriptor 3 and runs it. TARGET is FILE.py:FUNCTION or MODULE:FUNCTION. It speaks the
frames of a persistent runner (src/worker/runner.h in Platoon's sources) on descriptors 3 and 4. Whatever the function
prints, or its children, is log. Runs on Python 2.7 and 3.6 or newer, with the standard library alone.
"""
import os
import pickle
import struct
import sys
import traceback

FD_IN, FD_OUT = 3, 4
PROTOCOL = min(pickle.HIGHEST_PROTOCOL, 4)
# Larger results go as a pickle of their own, so that nobody on the way needs to take them apart.
PLAIN_BYTES = 64 * 1024
TAIL_BYTES = 4096
PLAIN_SCALARS = (type(None), bool, int, float, str, bytes, bytearray, type(u""), type(1 << 80))
OWN_PID = os.getpid()


def close_on_exec():
    """The function's own child programs have no business with our frames."""
    import fcntl
    for fd in (FD_IN, FD_OUT):
        fcntl.fcntl(fd, fcntl.F_SETFD, fcntl.fcntl(fd, fcntl.F_GETFD) | fcntl.FD_CLOEXEC)


def prepare_output():
    """print() must not fail because the worker was started without a locale."""
    if sys.version_info < (3,):
        return
    import io
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        else:
            stream = io.TextIOWrapper(stream.detach(), "utf-8", "backslashreplace", write_through=True)
            setattr(sys, name, stream)
            setattr(sys, "__%s__" % name, stream)
    import faulthandler
    faulthandler.enable()  # a crash in an extension module shows where


def read_exactly(n):
    parts = []
    while n > 0:
        part = os.read(FD_IN, min(n, 1 << 20))
        if not part:
            return None
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def read_frame():
    head = read_exactly(4)
    body = head and read_exactly(struct.unpack(">I", head)[0])
    return pickle.loads(body) if body else None


def write_frame(answer):
    if isinstance(answer, dict):
        answer = pickle.dumps(answer, PROTOCOL)
    rest = memoryview(struct.pack(">I", len(answer)) + answer)
    while rest:
        rest = rest[os.write(FD_OUT, rest):]


class TargetError(Exception):
    """TARGET does not lead to a function; the text says why."""


def load_target(target):
    """The function that TARGET names. Raises TargetError, or what the module raises."""
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise TargetError("--runner python needs FILE.py:FUNCTION or MODULE:FUNCTION, not %r" % target)
    if where.endswith(".py"):
        module = load_file(where)
    else:
        import importlib
        module = importlib.import_module(where)
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            there = sorted(k for k, v in vars(module).items() if callable(v) and not k.startswith("_"))
            raise TargetError("%s has no %r; it has %s" % (where, name, ", ".join(there) or "no functions"))
        found = getattr(found, part)
    if not callable(found):
        raise TargetError("%s of %s is a %s, not a function" % (name, where, type(found).__name__))
    return found


def load_file(path):
    if not os.path.isfile(path):
        raise TargetError("there is no file %s in %s" % (path, os.getcwd()))
    path = os.path.abspath(path)
    sys.path[0] = os.path.dirname(path)  # as if it were run; the worker's --root stays reachable:
    if os.getcwd() not in sys.path:
        sys.path.insert(1, os.getcwd())
    name = os.path.basename(path)[:-3]
    if name in sys.modules or "." in name:  # a file called queue.py must not become *the* queue module
        name = "platoon_" + name.replace(".", "_")
    if sys.version_info < (3,):
        import imp
        return imp.load_source(name, path)
    import importlib.util
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def is_numpy_scalar(value):
    """A number of numpy, or an array without dimensions; numpy itself is not imported for this."""
    return (type(value).__module__ or "").split(".")[0] == "numpy" and getattr(value, "shape", None) == () \
        and hasattr(value, "item")


class NotPlain(Exception):
    pass


def plain(value, seen):
    """`value` with numpy's numbers replaced by Python's; NotPlain if it holds anything but plain data. Shared parts
    stay shared, cycles stay cycles."""
    kind = type(value)
    if kind in PLAIN_SCALARS:
        return value
    if is_numpy_scalar(value):
        item = value.item()
        if type(item) in PLAIN_SCALARS:
            return item
        if value.dtype.kind == "f":  # longdouble: item() gives it back as it is
            return float(item)
        raise NotPlain
    if id(value) in seen:
        return seen[id(value)][0]
    if kind is list:
        copy = []
        seen[id(value)] = copy, value
        copy.extend(plain(v, seen) for v in value)
    elif kind is dict:
        copy = {}
        seen[id(value)] = copy, value
        for k, v in value.items():
            copy[plain(k, seen)] = plain(v, seen)
    elif kind in (tuple, set, frozenset):
        copy = kind([plain(v, seen) for v in value])
        seen[id(value)] = copy, value
    else:
        raise NotPlain
    return copy


def encode_result(value):
    """A whole frame's pickle. Raises what pickling raises."""
    try:
        value = plain(value, {})
        is_plain = True
    except (NotPlain, RuntimeError):  # RuntimeError: nested deeper than Python recurses
        is_plain = False
    if is_plain:
        whole = pickle.dumps({"result": value}, PROTOCOL)
        if len(whole) <= PLAIN_BYTES:
            return whole
    return pickle.dumps({"result_pickle": bytearray_free(pickle.dumps(value, PROTOCOL))}, PROTOCOL)


def bytearray_free(data):
    """Python 2's pickles are of type str, which would arrive as text."""
    return data if sys.version_info >= (3,) else BytesForPython2(data)


class BytesForPython2(object):
    """Pickles as what Python 3 calls bytes."""

    def __init__(self, data):
        self.data = data

    def __reduce__(self):
        import _codecs
        return _codecs.encode, (self.data.decode("latin-1"), u"latin1")


def text(value):
    """str of anything, as unicode, whatever its __str__ does."""
    try:
        value = str(value)
    except Exception as e:
        value = "(its text cannot be had: %s)" % type(e).__name__
    return value if isinstance(value, type(u"")) else value.decode("utf-8", "replace")


def native(value):
    """The str that os.environ takes."""
    value = u"" if value is None else u"%s" % (value,)
    return value if sys.version_info >= (3,) else value.encode("utf-8")


def error_of(kind, exc):
    """The error of a task for an exception that is being handled."""
    code = None
    if isinstance(exc, SystemExit):
        code = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
    shown = text(exc)
    lines = traceback.format_exception(*sys.exc_info())
    lines = [lines[0]] + lines[2:] if len(lines) > 2 else lines  # without this file's own frame
    return {"kind": kind, "exit": code, "stderr_tail": text("".join(lines))[-TAIL_BYTES:],
            "message": text("%s: %s" % (type(exc).__name__, shown) if shown else type(exc).__name__)}


def call(function, frame):
    """One task to one answer: a dict, or a pickle of one."""
    try:
        task = pickle.loads(frame["task_pickle"]) if "task_pickle" in frame else frame["task"]
    except Exception as e:
        return {"error": error_of("bad-task", e)}
    try:
        result = function(task)
    except BaseException as e:  # SystemExit and KeyboardInterrupt end a script, not this process
        return {"error": error_of("exit", e)}
    try:
        return encode_result(result)
    except Exception as e:
        error = error_of("bad-output", e)
        error["message"] = "the result, a %s, cannot be pickled: %s" % (type(result).__name__, error["message"])
        return {"error": error}


def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            pass  # the function closed it


def main(target):
    close_on_exec()
    prepare_output()
    root = os.getcwd()
    sys.argv = [target.rpartition(":")[0]]
    try:
        function = load_target(target)
    except TargetError as e:
        write_frame({"failed": text(e)})
        return 1
    except BaseException as e:
        traceback.print_exc()
        flush()
        write_frame({"failed": u"importing %s failed: %s: %s" % (sys.argv[0], type(e).__name__, text(e))})
        return 1
    write_frame({"ready": {"pickle_protocol": PROTOCOL, "python": u"%d.%d.%d" % sys.version_info[:3]}})
    while True:
        frame = read_frame()
        if frame is None:
            return 0
        for name in ("task_id", "attempt", "task_dir"):
            os.environ["PLATOON_" + name.upper()] = native(frame[name])
        os.chdir(root)
        answer = call(function, frame)
        flush()
        if os.getpid() != OWN_PID:
            os._exit(0)  # the function forked, and its child came back here as well
        write_frame(answer)


sys.exit(main(sys.argv[1]))
