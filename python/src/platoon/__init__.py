# SPDX-License-Identifier: Apache-2.0
"""multiprocessing.managers whose server is Platoon.

    from platoon import BaseManager          # instead of: from multiprocessing.managers import BaseManager

The rest of a master stays as it is. start() launches `platoon serve` in place of Python's own server; what was
registered must be queues (queue.Queue). Workers need nothing of this: stock ones connect.
"""
import os

from platoon._manager import BaseManager

try:
    from platoon._version import version as __version__  # written when a wheel is built
except ImportError:
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 3, "VERSION")) as _file:
        __version__ = _file.read().strip()
    del _file
del os

__all__ = ["BaseManager", "__version__"]
