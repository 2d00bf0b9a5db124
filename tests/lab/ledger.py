"""The ringledger under test: started, told of entries, and read when all is quiet."""
import json
import os
import re
import sqlite3
import subprocess
import time
import urllib.request

class Ledger:
    def __init__(self, program, work, settings):
        self.program, self.data = program, os.path.join(work, "data")
        self.settings = os.path.join(work, "ringledger.toml")
        with open(self.settings, "w") as file:
            file.write(settings)
        self.log = open(os.path.join(work, "ringledger.log"), "ab")
        self.process = None

    def place(self):
        return ["--config", self.settings, "--data", self.data]

    def start(self):
        """Starts it on a free port and gives its address."""
        self.process = subprocess.Popen([self.program, "serve", "--listen", "127.0.0.1:0", *self.place()],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if not found:
            raise RuntimeError("ringledger did not start: %r" % line)
        self.address = found.group()
        return self.address

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def check(self):
        """What `ringledger check` says of the feed."""
        done = subprocess.run([self.program, "check", *self.place()], capture_output=True, text=True, timeout=60)
        return [line for line in done.stdout.splitlines() if "feed of pbx" in line]

    def register(self, entry):
        body = json.dumps(entry).encode()
        request = urllib.request.Request(self.address + "/api/v1/entries", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status

    def rows(self, query, *values):
        base = sqlite3.connect("file:%s/ringledger.db?mode=ro" % self.data, uri=True, timeout=30)
        try:
            return base.execute(query, values).fetchall()
        finally:
            base.close()

    def metric(self, name):
        with urllib.request.urlopen(self.address + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.search(r"^ringledger_%s(?:\{[^}]*\})? (\S+)$" % name, text, re.M)
        return float(found.group(1)) if found else None

    def wait(self, what, look, limit=60):
        until = time.time() + limit
        while time.time() < until:
            if look():
                return
            time.sleep(0.1)
        raise RuntimeError("ringledger: %s did not come within %d s" % (what, limit))

    def calls(self):
        """All calls by key, each with its recordings' names and its entry's number."""
        calls = {key: dict(json.loads(doc), files=[], entries=[]) for key, doc in self.rows("SELECT key, doc FROM call")}
        for call, doc in self.rows("SELECT call, doc FROM recording"):
            name = json.loads(doc)["hints"]["name"]
            calls.setdefault(call, {"files": [], "entries": []})["files"].append(name)
        for call, entry in self.rows("SELECT l.call, e.entry_id FROM link l JOIN entry e ON e.key = l.entry"):
            calls.setdefault(call, {"files": [], "entries": []})["entries"].append(entry)
        return calls
