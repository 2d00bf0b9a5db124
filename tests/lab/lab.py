"""A real PBX, real phones and a running ringledger: plays the plan, and holds what ringledger says against what the phones did.

Root, and the chroot that tests/lab.sh builds. Exit status: 0 all right, 1 something differs, 2 could not run.
"""
import argparse
import asyncio
import json
import os
import re
import signal
import sys
import time
import urllib.request
from datetime import datetime, timezone

import audio
import scenarios
from ledger import Ledger
from phone import Phone
from systems import SYSTEMS, read

PBX = ("127.0.0.1", 15060)
# Phones and PBX share one clock; what lies between is the wire, and as much as the machine was late in that run.
TOLERANCE_S = {"alerting": 0.15, "answered": 0.15, "ended": 0.5}
TICK_S = 0.01


def unix(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Lab:
    period_ms, limit_ms = 5000, 15000

    def __init__(self, args):
        root, self.work = os.path.abspath(args.root), os.path.abspath(args.work)
        self.system = SYSTEMS[args.system](root, self.work)
        settings = self.system.settings(args.feed or next(iter(self.system.feeds)))
        self.ledger = Ledger(os.path.abspath(args.ringledger), self.work, settings)
        self.root, self.phones = root, []
        self.fed = "feed = " in settings
        self.late_s = 0.0

    # ---- how late the machine wakes whoever sleeps: no clock of ours is better than that
    async def watch(self):
        while True:
            began = time.monotonic()
            await asyncio.sleep(TICK_S)
            self.late_s = max(self.late_s, time.monotonic() - began - TICK_S)

    # ---- the phone system, and the feed to it
    async def ready(self):
        await self.system.ready()
        if self.fed:
            await self.until_feed(1)

    async def until_feed(self, stands):
        for _ in range(1200):
            if self.ledger.metric("feed_stands") == stands:
                return
            await asyncio.sleep(0.05)
        raise RuntimeError("the feed's state is not %d; see %s" % (stands, self.ledger.log.name))

    async def restart_pbx(self):
        self.system.command("core restart now")
        await self.until_feed(0)
        await self.ready()

    async def crash_pbx(self, down_s):
        self.system.kill()
        await self.until_feed(0)
        await asyncio.sleep(down_s)
        self.system.start()
        await self.ready()

    # ---- the receiver that takes its time: two seconds, then it passes the hook on
    async def slow(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.I)
        body = await reader.readexactly(int(length.group(1)) if length else 0)
        await asyncio.sleep(2)
        kind = re.search(rb"content-type: *([^\r]+)", head, re.I)
        headers = {"Content-Type": kind.group(1).decode() if kind else "application/x-www-form-urlencoded"}
        request = urllib.request.Request(self.sink, body, headers)
        await asyncio.get_running_loop().run_in_executor(None, lambda: urllib.request.urlopen(request, timeout=10).read())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    # ---- everything up
    async def open(self):
        self.system.clear()
        self.audio = played = audio.make(self.work, self.root)
        self.sink = self.ledger.start() + "/hook/hooks"
        slow = await asyncio.start_server(self.slow, "127.0.0.1", 0)
        self.system.configure(self.sink, "http://127.0.0.1:%d/" % slow.sockets[0].getsockname()[1])
        self.system.start()
        await self.ready()
        self.trunk = Phone("trunk", "trunk", 15099, PBX, played["resident"])
        self.d101 = Phone("101", "101", 15101, PBX, played["desk"])
        self.d102 = Phone("102", "102", 15102, PBX, played["desk"])
        self.d103 = Phone("103", "103", 15103, PBX, played["engineering"])
        self.d105 = Phone("105", "105", 15105, PBX, self.system.wide_band(), "g722")
        self.phones = [self.trunk, self.d101, self.d102, self.d103, self.d105]
        for phone in self.phones:
            await phone.open()

    def close(self):
        self.system.stop()
        self.ledger.stop()

    # ---- what happened, by the phones' own clock
    def truth(self, name, caller, desks, direction="inbound", number=None):
        """One call: the dialogue that began it and those of the phones it rang."""
        rang = [leg for leg in desks if "ringing" in leg.t]
        start = min((leg.t["ringing"] for leg in rang), default=None)
        took = min((leg for leg in desks if "answer" in leg.t), key=lambda leg: leg.t["answer"], default=None)
        ends = [caller.t[key] for key in ("bye", "bye_got", "cancel_sent", "rejected") if key in caller.t]
        told = {"name": name, "direction": direction, "number": number or caller.number, "invite": caller.t["invite"],
                "alerting": start, "answered": took and took.t["answer"], "answered_by": took and took.ua.name,
                "ended": min(ends, default=None), "ring_ms": None, "owes_recording": took is not None,
                "owes_entry": direction == "inbound"}
        if direction != "inbound":
            return dict(told, verdicts=["not_applicable"], alerting=None, answered_by=None)
        if took:
            ms = (told["answered"] - start) * 1000
            return dict(told, ring_ms=ms, verdicts=["within" if ms < self.limit_ms else "late"])
        if start is not None and caller.ended_by == "self":
            return dict(told, ring_ms=(told["ended"] - start) * 1000, verdicts=["abandoned"])
        return dict(told, verdicts=["unanswered"])

    async def one(self, run):
        for phone in self.phones:
            phone.reset()
        began, params, self.late_s = time.time(), dict(run.get("params", {})), 0.0
        told = await getattr(scenarios, "s_" + run["scenario"])(self, params)
        await asyncio.sleep(1.5)
        late = {"late_s": self.late_s, "early": bool(params.get("early"))}
        calls = [dict(tell(), run=run["name"], **late) for tell in told]
        words = "; ".join("%s %s" % (call["name"], "/".join(call["verdicts"])) for call in calls)
        print("%-26s %5.1f s, late by %3.0f ms  %s" % (run["name"], time.time() - began, self.late_s * 1000, words), flush=True)
        return calls

    # ---- the desk writes its ledger: one entry for every call it owes one for
    def register(self, number, call):
        at = lambda moment: datetime.fromtimestamp(moment, timezone.utc).isoformat()
        known = call["number"] if call["number"].isdigit() else None
        unit = known and "%s-%s-%s" % (known[-1], known[-3:-1], known[-4:])
        self.ledger.register({
            "entry_id": "JB-%03d" % number, "channel": "phone", "registered_at": at((call["ended"] or call["invite"]) + 20),
            "occurred_at": at(call["answered"] or call["invite"]), "number": known, "name": "业主", "unit": unit,
            "category": "repair", "content": "厨房水管漏水", "handler": call["answered_by"] or "101"})
        call["entry"] = "JB-%03d" % number


def near(one, other):
    """Whether two numbers are the same: a dialled one may keep the prefix of an outside line."""
    return bool(one) and (one == other or one.endswith(other))


def matching(call, ours):
    """Our call of a truth: its outside party, and the nearest in time."""
    def party(doc):
        return doc.get("callee") if call["direction"] == "outbound" else doc.get("caller")
    if call["number"].isdigit():
        ours = {key: doc for key, doc in ours.items() if near(party(doc), call["number"])}
    nearest = min(ours, key=lambda key: abs(unix(ours[key]["offered_at"]) - call["invite"]), default=None)
    close = nearest is not None and abs(unix(ours[nearest]["offered_at"]) - call["invite"]) < 1.0
    return nearest if close else None


def edge(call, lab):
    """Near the start of a ring two clocks may rightly fall on two sides of it."""
    ms = call["ring_ms"]
    return min(ms % lab.period_ms, lab.period_ms - ms % lab.period_ms) < 50 + call["late_s"] * 1000


def differences(call, doc, lab):
    """What ringledger says otherwise than the phones."""
    found = []
    verdict = doc.get("verdict") or {}
    if doc["direction"] != call["direction"]:
        found.append("direction %s" % doc["direction"])
    if verdict.get("verdict") not in call["verdicts"]:
        found.append("verdict %s instead of %s" % (json.dumps(verdict), "/".join(call["verdicts"])))
    ring = call["ring_ms"] is not None and int(call["ring_ms"] // lab.period_ms) + 1
    certain = verdict.get("verdict") in ("within", "late", "abandoned") and len(call["verdicts"]) == 1
    if ring and certain and verdict.get("ring") != ring and not edge(call, lab):
        found.append("ring %s instead of %s" % (verdict.get("ring"), ring))
    exact = call["direction"] == "inbound" and len(call["verdicts"]) == 1 and not call["early"]
    for key, name in (("alerting", "alerting"), ("answered", "answered"), ("ended", "ended_at")):
        told = doc.get(name)
        have = told if isinstance(told, str) or told is None else told["earliest"]
        if not exact or call[key] is None or (key == "answered" and not call["owes_recording"]):
            continue
        if have is None or abs(unix(have) - call[key]) > TOLERANCE_S[key] + call["late_s"]:
            found.append("%s %s instead of %s" % (key, have, call[key]))
    if exact and call["owes_recording"] and doc.get("answered_by") != call["answered_by"]:
        found.append("answered by %s instead of %s" % (doc.get("answered_by"), call["answered_by"]))
    # Names of recordings hold the id of the call they were made of.
    alien = [file for file in doc["files"] if doc["call_id"] not in file]
    if alien:
        found.append("has a recording of another call: %s" % alien)
    if call["owes_recording"] and lab.system.records and not doc["files"]:
        found.append("has no recording")
    wanted = [call["entry"]] if "entry" in call else []
    if doc["entries"] != wanted:
        found.append("entries %s instead of %s" % (doc["entries"], wanted))
    return found


def compare(truths, lab):
    ours, wrong, seen = lab.ledger.calls(), 0, set()
    stray = ours.pop(None, {"files": []})["files"]
    for call in truths:
        key = matching(call, {key: doc for key, doc in ours.items() if key not in seen})
        found = ["is missing"] if key is None else differences(call, ours[key], lab)
        seen.add(key)
        wrong += bool(found)
        print("%s %s %s%s" % ("BAD " if found else "ok  ", call["run"], call["name"], "".join("\n       " + text for text in found)))
    besides = [doc["call_id"] for key, doc in ours.items() if key not in seen and doc["direction"] != "internal"]
    for text in ["call %s is not in the truth" % call for call in besides] + ["recording of no call: %s" % file for file in stray]:
        wrong += 1
        print("BAD  " + text)
    if lab.system.records:
        taken = lab.ledger.rows("SELECT count(*) FROM recording")[0][0]
        print("%d files in the folder, %d recordings (equal bytes are one)" % (len(os.listdir(lab.system.spool)), taken))
    return wrong


async def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("root", "work", "ringledger"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--system", choices=sorted(SYSTEMS), default="asterisk")
    parser.add_argument("--feed", default="", help="ami (default) or ari")
    parser.add_argument("--only", default="", help="names or their numbers, comma-separated")
    args = parser.parse_args()
    plan = json.loads(read(SYSTEMS[args.system].plan))
    only = [name for name in args.only.split(",") if name]
    plan = [run for run in plan if not only or run["name"] in only or run["name"].split("-")[0] in only]
    lab, me = Lab(args), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, me.cancel)
    truths, watch = [], asyncio.create_task(lab.watch())
    try:
        await lab.open()
        tried = lab.ledger.check()
        print("\n".join(tried), flush=True)
        for run in plan:
            truths += await lab.one(run)
        for number, call in enumerate([call for call in truths if call["owes_entry"]], 1):
            lab.register(number, call)
        owed = [call["entry"] for call in truths if "entry" in call]
        linked = lambda: len(lab.ledger.rows("SELECT entry FROM link")) >= len(owed)
        try:
            lab.ledger.wait("every link", linked, 45)
        except RuntimeError as error:
            print(error)
        wrong = compare(truths, lab) + sum(line.startswith("BAD") for line in tried)
    finally:
        watch.cancel()
        lab.close()
    print("%d passed, %d failed" % (len(truths) - min(wrong, len(truths)), wrong))
    return 1 if wrong or not truths else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
