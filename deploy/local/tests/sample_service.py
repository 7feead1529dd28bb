"""The smallest service: `serve`, `work` and `migrate`, told by environment variables. The launcher is tried with it."""

import json
import os
import pathlib
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

SETTINGS = {key: value for key, value in os.environ.items() if key.startswith("ASSAY_") or key == "NO_PROXY"}


class Ops(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"pid": os.getpid(), "role": sys.argv[1], "settings": SETTINGS}).encode()
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    if SETTINGS.get("ASSAY_SAMPLE_FAILS") == sys.argv[1]:
        sys.exit(f"the sample cannot {sys.argv[1]}")
    if sys.argv[1] == "migrate":
        with pathlib.Path(SETTINGS["ASSAY_SAMPLE_MIGRATIONS"]).open("a") as file:
            file.write(SETTINGS["ASSAY_DATABASE__MIGRATION_URL"] + "\n")
    else:
        host, port = SETTINGS["ASSAY_OPS__LISTEN"].split(":")
        HTTPServer((host, int(port)), Ops).serve_forever()
