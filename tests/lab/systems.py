"""The phone systems under the phones: how each is written its settings, started, stopped, and what ringledger is told of it."""
import asyncio
import os
import re
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TZ": "Asia/Shanghai", "LANG": "C.UTF-8", "HOME": "/root"}
SITE = """
[[sites]]
id = "lab"
[[sites.settings]]
time_zone = "Asia/Shanghai"
desk_extensions = ["101", "102", "104", "105"]
recording_grace_s = 1
entry_grace_s = 1
"""


def read(*path):
    with open(os.path.join(HERE, *path), encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class System:
    """A process in the chroot."""

    def __init__(self, root, work):
        self.root, self.process = root, None
        self.log = open(work + "/system.log", "ab")

    def clear(self):
        """Takes away what an earlier run left, before anybody watches."""

    def run(self, *command, **how):
        return subprocess.Popen(["chroot", self.root, *command], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log, **how)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Asterisk(System):
    """With its feed, webhooks of the dialplan, and recordings in a folder."""
    feeds = {"ami": "ami://127.0.0.1:15038", "ari": "ari://127.0.0.1:18088"}
    records, plan = True, "plan.json"

    def settings(self, feed):
        return SITE + """
[[sources]]
name = "pbx"
site = "lab"
adapter = "asterisk"
feed = "%s"
feed_user = "ringledger"
feed_secret = "lab-secret"
folders = ["%s"]

[[sources]]
name = "hooks"
site = "lab"
adapter = "asterisk"
""" % (self.feeds[feed], self.spool)

    @property
    def spool(self):
        return self.root + "/var/spool/asterisk/monitor"

    def clear(self):
        for made in (self.spool, self.root + "/var/log/asterisk/cdr-csv"):
            os.makedirs(made, exist_ok=True)
        for old in os.listdir(self.spool):
            os.remove(os.path.join(self.spool, old))

    def configure(self, sink, slow):
        for name in os.listdir(HERE + "/etc"):
            write(self.root + "/etc/pbxlab/" + name, read("etc", name).replace("@SINK@", sink).replace("@SLOW@", slow))

    def start(self):
        self.process = self.run("/usr/sbin/asterisk", "-f", "-C", "/etc/pbxlab/asterisk.conf", start_new_session=True)

    def command(self, text):
        console = self.run("/usr/sbin/asterisk", "-C", "/etc/pbxlab/asterisk.conf", "-rx", text)
        try:
            return console.wait(20)
        except subprocess.TimeoutExpired:
            console.kill()
            return console.wait()

    async def ready(self):
        for _ in range(300):
            if self.command("core waitfullybooted") == 0:
                return
            await asyncio.sleep(0.2)
        raise RuntimeError("the PBX does not start; see %s" % self.log.name)

    def wide_band(self):
        """The desk's speech in G.722, made by the PBX itself."""
        self.command("file convert /tmp/desk8.wav /tmp/desk.g722")
        with open(self.root + "/tmp/desk.g722", "rb") as file:
            return file.read()


class Kamailio(System):
    """A proxy that posts by the snippet of its page: no feed, no recordings."""
    feeds = {"hooks": None}
    records, plan, spool = False, "kamailio/plan.json", None

    def settings(self, _feed):
        return SITE + """
[[sources]]
name = "hooks"
site = "lab"
adapter = "kamailio"
secret = "lab-secret"
"""

    def configure(self, sink, _slow):
        page = read("..", "..", "docs", "pbx", "kamailio.md").split("## Connecting")[1].splitlines()
        snippet = [line[4:] for line in page if line.startswith("    ")]
        last = max(number for number, line in enumerate(snippet) if line == "}")
        is_setting = lambda line: line.startswith(("loadmodule", "modparam"))
        load = "\n".join(line.replace("  loadmodule", "\nloadmodule") for line in snippet if is_setting(line))
        address = sink.replace("://", "://ringledger:lab-secret@")
        load = re.sub(r"https://ringledger:SECRET@[^\"]*", address, load)
        routes = "\n".join(line for line in snippet[:last + 1] if not is_setting(line))
        text = read("kamailio", "kamailio.cfg").replace("@LOAD@", load).replace("@ROUTES@", routes)
        write(self.root + "/tmp/kamailio.cfg", text)

    def start(self):
        command = ("/usr/sbin/kamailio", "-DD", "-E", "-f", "/tmp/kamailio.cfg", "-P", "/tmp/kamailio.pid", "-Y", "/tmp")
        self.process = self.run(*command, start_new_session=True)

    async def ready(self):
        """Until it answers an OPTIONS."""
        asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        asked.bind(("127.0.0.1", 0))
        asked.setblocking(False)
        port, until = asked.getsockname()[1], time.time() + 30
        text = ("OPTIONS sip:lab@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKlab\r\nMax-Forwards: 5\r\n"
                "From: <sip:lab@127.0.0.1>;tag=lab\r\nTo: <sip:lab@127.0.0.1>\r\nCall-ID: lab\r\nCSeq: 1 OPTIONS\r\n"
                "Content-Length: 0\r\n\r\n" % port)
        with asked:
            while time.time() < until:
                asked.sendto(text.encode(), ("127.0.0.1", 15060))
                await asyncio.sleep(0.2)
                try:
                    if asked.recv(2048):
                        return
                except OSError:
                    pass
        raise RuntimeError("the proxy does not start; see %s" % self.log.name)

    def wide_band(self):
        return b""


SYSTEMS = {"asterisk": Asterisk, "kamailio": Kamailio}
