# SPDX-License-Identifier: Apache-2.0
"""The build backend of this package (PEP 517, PEP 660), with nothing but the standard library.

A wheel is a zip of the package and a .dist-info folder; its bytes depend on the sources only.
"""
import base64
import hashlib
import io
import os
import tarfile
import zipfile

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAME = "platoon"
SUMMARY = "multiprocessing.managers whose server is Platoon"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold


def _read(*parts):
    with open(os.path.join(HERE, *parts), "rb") as f:
        return f.read()


def _version():
    # In the tree the version is the project's; an sdist carries its own copy.
    for parts in (("VERSION",), (os.pardir, "VERSION")):
        if os.path.exists(os.path.join(HERE, *parts)):
            return _read(*parts).decode().strip()
    raise SystemExit("platoon_build: VERSION is neither in %s nor above it" % HERE)


def _metadata():
    return ("Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: %s\nLicense: Apache-2.0\n"
            "Requires-Python: >=3.6\n" % (NAME, _version(), SUMMARY)).encode()


def _package():
    """[(path in the wheel, bytes)] of the package itself."""
    folder = os.path.join(HERE, "src", NAME)
    found = [("%s/%s" % (NAME, name), _read("src", NAME, name))
             for name in sorted(os.listdir(folder)) if name.endswith(".py")]
    return found + [("%s/_version.py" % NAME, ("version = %r\n" % _version()).encode())]


def _wheel(folder, files):
    info = "%s-%s.dist-info" % (NAME, _version())
    wheel = b"Wheel-Version: 1.0\nGenerator: platoon_build\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = files + [(info + "/METADATA", _metadata()), (info + "/WHEEL", wheel)]
    name = "%s-%s-py3-none-any.whl" % (NAME, _version())
    record = []
    with zipfile.ZipFile(os.path.join(folder, name), "w", zipfile.ZIP_DEFLATED) as archive:
        def add(path, data):
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, data)

        for path, data in files:
            add(path, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append("%s,sha256=%s,%d" % (path, digest, len(data)))
        record.append(info + "/RECORD,,")
        add(info + "/RECORD", "\n".join(record).encode() + b"\n")
    return name


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_editable(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory, _package())


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    source = os.path.join(HERE, "src")
    return _wheel(wheel_directory, [("__editable__.%s.pth" % NAME, source.encode() + b"\n")])


def build_sdist(sdist_directory, config_settings=None):
    top = "%s-%s" % (NAME, _version())
    paths = ["pyproject.toml", "_build/platoon_build.py"]
    paths += ["src/%s/%s" % (NAME, name) for name in sorted(os.listdir(os.path.join(HERE, "src", NAME)))
              if name.endswith(".py")]
    files = [(path, _read(*path.split("/"))) for path in paths]
    files += [("VERSION", _version().encode() + b"\n"), ("PKG-INFO", _metadata())]
    with tarfile.open(os.path.join(sdist_directory, top + ".tar.gz"), "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, data in files:
            entry = tarfile.TarInfo("%s/%s" % (top, path))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return top + ".tar.gz"
