# SPDX-License-Identifier: Apache-2.0
"""A real browser for black-box tests: Debian's chromium, driven through chromium-driver's WebDriver protocol with
nothing but the standard library.

    with Browser(t) as browser:                       # skips the test where there is none
        page = browser.open(path, width=390, dark=True)
        check_equal(page("return document.title"), "...")
"""
import base64
import json
import os
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from support import SLOWDOWN, Failure, Process, clean_env, skip


class Browser:
    """A chromium without a screen; .requests are the addresses that the last open() asked for, .complaints
    what its console said."""

    def __init__(self, t):
        chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
        if not chromium or not driver:
            skip("chromium and chromium-driver are not here: tools/install-deps check")
        self.t = t
        self.requests, self.complaints = [], []
        self._session = None
        # It writes below its home.
        self._driver = Process(t, [driver, "--port=0"], env=clean_env(HOME=t.tmp))
        port = self._driver.wait_line(r"started successfully on port (\d+)", timeout=30).group(1)
        self._url = "http://127.0.0.1:%s" % port
        arguments = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--disable-breakpad",
                     "--disable-crash-reporter", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
                     "--disable-background-networking", "--disable-component-update",
                     "--user-data-dir=%s" % (t.tmp / "profile")]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")  # it refuses to be root in one
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {"binary": chromium, "args": arguments}}}})
        self._session = "/session/" + answer["sessionId"]

    def _call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60 * SLOWDOWN) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as e:
            raise Failure("the browser: %s" % json.load(e)["value"]["message"][:500]) from None

    def devtools(self, command, **params):
        return self._call("POST", self._session + "/goog/cdp/execute", {"cmd": command, "params": params})

    def open(self, path, width, dark=False, media="screen"):
        """Show a file; returns a function that runs JavaScript in it."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1,
                      mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", media=media, features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self._read_logs()
        self.requests.clear()  # of the browser's own first page, too
        self._call("POST", self._session + "/url", {"url": Path(path).resolve().as_uri()})
        self._read_logs()
        return self.run

    def run(self, script, *args):
        return self._call("POST", self._session + "/execute/sync", {"script": script, "args": args})

    def screenshot(self, path, clip=None):
        """The whole page, from its top to its end, or the part (x, y, width, height) of it."""
        part = {"clip": dict(zip(("x", "y", "width", "height"), clip), scale=1)} if clip else {}
        data = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, **part)["data"]
        Path(path).write_bytes(base64.b64decode(data))

    def pdf(self, path):
        Path(path).write_bytes(base64.b64decode(self.devtools("Page.printToPDF", printBackground=True)["data"]))

    def _read_logs(self):
        for entry in self._call("POST", self._session + "/se/log", {"type": "performance"}):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        self.complaints += [e["message"] for e in self._call("POST", self._session + "/se/log", {"type": "browser"})]

    def close(self):
        if self._session:
            self._call("DELETE", self._session)  # answers when the browser has ended
            self._session = None
        self._driver.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
