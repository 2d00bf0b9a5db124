#!/usr/bin/env python3
"""Writes a generated desk the way no tool was told of: perturb.py FROM TO --seed N [--only KNOB,...]

Reads recordings.csv, ledger.csv, directory.csv, truth.csv in FROM and writes them to TO. Each site draws some of
the knobs below; the truth stays what it was (test calls are added to it as unregistered).
"""
import argparse, csv, os, random, shutil
from datetime import datetime, timedelta, timezone

TZ = timezone(timedelta(hours=8))
DIGITS = "零一二三四五六七八九"


def at(text):
    return datetime.fromisoformat(text)


def written(text):
    """occurred_at -> (datetime or date only)"""
    for form in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M"):
        try:
            return datetime.strptime(text, form), True
        except ValueError:
            pass
    for form in ("%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text, form), False
        except ValueError:
            pass
    return None, False


def half_day(t):
    word = "上午" if t.hour < 12 else "下午"
    return "%d年%d月%d日%s%d点%02d分" % (t.year, t.month, t.day, word, (t.hour - 1) % 12 + 1, t.minute)


def serial(t):
    return "%.6f" % ((t - datetime(1899, 12, 30)).total_seconds() / 86400)


TIME_FORMS = [
    lambda t: t.strftime("%d/%m/%Y %H:%M"), lambda t: t.strftime("%m/%d/%Y %I:%M %p"), half_day, serial,
    lambda t: t.strftime("%Y%m%d%H%M"), lambda t: t.strftime("%Y.%m.%d %H.%M"), lambda t: t.strftime("%H:%M %d-%m-%y"),
    lambda t: str(int(t.replace(tzinfo=TZ).timestamp())),
]
STAMP_FORMS = [
    lambda t: str(int(t.timestamp())), lambda t: str(int(t.timestamp() * 1000)),
    lambda t: t.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), lambda t: t.strftime("%d.%m.%Y %H:%M:%S"),
    lambda t: t.strftime("%Y%m%d%H%M%S"), lambda t: t.strftime("%Y-%m-%d %H:%M:%S"),
]


class Site:
    def __init__(self, name, rng, recordings, ledger, truth):
        self.name, self.rng, self.recordings, self.ledger, self.truth = name, rng, recordings, ledger, truth
        self.of = {e: r for r, e in truth}

    def span(self, share):
        """a random stretch of time"""
        times = sorted(r["ring_started_at"] for r in self.recordings)
        n = len(times); k = int(n * share); i = self.rng.randrange(max(1, n - k))
        return times[i], times[min(n - 1, i + k)]

    # ---- how numbers are written
    def mask(self):
        p = self.rng.uniform(.3, 1)
        for e in self.ledger:
            n = e["caller_number"]
            if len(n) == 11 and n.isdigit() and self.rng.random() < p:
                e["caller_number"] = n[:3] + self.rng.choice(["****", "XXXX", "＊＊＊＊"]) + n[7:]

    def dress(self):
        kind = self.rng.randrange(6); p = self.rng.uniform(.5, 1)
        for e in self.ledger:
            n = e["caller_number"]
            if not n or not n[-1].isdigit() or self.rng.random() > p:
                continue
            e["caller_number"] = [
                lambda: "tel:" + n, lambda: (e["caller_name"] or "业主") + n, lambda: n + "(" + (e["caller_name"] or "本人") + ")",
                lambda: "9" + n, lambda: n + self.rng.choice(["-801", "转801", "#801"]),
                lambda: "".join(DIGITS[int(c)] if c.isdigit() else c for c in n)][kind]()

    def trunk_form(self):
        kind = self.rng.randrange(4)
        for r in self.recordings:
            side = "from_number" if r["direction"] == "in" else "to_number"
            n = r[side]
            if n and n[-1].isdigit():
                r[side] = ["sip:%s@10.1.2.3:5060" % n, "12593" + n, '"%s" <%s>' % (n, n), n + "01"][kind]

    def trunk_for_all(self):
        p = self.rng.uniform(.4, .9)
        for r in self.recordings:
            if r["direction"] == "in" and self.rng.random() < p:
                r["from_number"] = r["to_number"]

    # ---- how times are written
    def time_form(self):
        form = self.rng.choice(TIME_FORMS)
        for e in self.ledger:
            t, whole = written(e["occurred_at"])
            if t and whole:
                e["occurred_at"] = form(t)

    def stamp_form(self):
        form = self.rng.choice(STAMP_FORMS)
        for r in self.recordings:
            for k in ("started_at", "ring_started_at", "answered_at", "ended_at"):
                r[k] = form(at(r[k]))

    def typed_form(self):
        form = self.rng.choice(STAMP_FORMS)
        for e in self.ledger:
            e["registered_at"] = form(at(e["registered_at"]))

    def end_of_call(self):
        by = {r["recording_id"]: r for r in self.recordings}
        for e in self.ledger:
            r = by.get(self.of.get(e["entry_id"]))
            t, whole = written(e["occurred_at"])
            if r and whole and abs((t.replace(tzinfo=TZ) - at(r["ring_started_at"])).total_seconds()) < 1200:
                t = t + (at(r["ended_at"]) - at(r["answered_at"]))
                e["occurred_at"] = t.strftime("%Y-%m-%d %H:%M")

    def shift_written(self, seconds):
        for e in self.ledger:
            t, whole = written(e["occurred_at"])
            by = seconds(e, t) if t else 0
            if whole and by:
                e["occurred_at"] = (t + timedelta(seconds=by)).strftime("%Y-%m-%d %H:%M")

    def clock_jumps(self):
        a, b = self.span(self.rng.uniform(.2, .5)); by = self.rng.choice([-1, 1]) * self.rng.randrange(600, 5400)
        for r in self.recordings:
            if a <= r["ring_started_at"] <= b:
                for k in ("started_at", "ring_started_at", "answered_at", "ended_at"):
                    r[k] = (at(r[k]) + timedelta(seconds=by)).isoformat(timespec="seconds")

    def clock_drifts(self):
        first = min(at(r["ring_started_at"]) for r in self.recordings).replace(tzinfo=None)
        rate = self.rng.choice([-1, 1]) * self.rng.uniform(20, 90)
        self.shift_written(lambda e, t: (t - first).total_seconds() / 86400 * rate)

    def wrong_zone(self):
        a, b = self.span(self.rng.uniform(.15, .4))
        self.shift_written(lambda e, t: -8 * 3600 if a[:19] <= t.isoformat()[:19] <= b[:19] else 0)

    # ---- people
    def accounts(self):
        people = sorted({e["handler"] for e in self.ledger if e["handler"]})
        if len(people) < 2:
            return
        one, two = self.rng.sample(people, 2); a, b = self.span(self.rng.uniform(.3, .6))
        swap = {one: two, two: one}
        for e in self.ledger:
            if a[:19] <= e["registered_at"][:19] <= b[:19]:
                e["handler"] = swap.get(e["handler"], e["handler"])

    def agent_codes(self):
        people = sorted({r["agent"] for r in self.recordings if r["agent"]})
        code = {p: "A%02d" % i for i, p in enumerate(people)}
        for r in self.recordings:
            r["agent"] = code.get(r["agent"], "")

    def late(self):
        p = self.rng.uniform(.4, .6)
        for e in self.ledger:
            if self.rng.random() < p:
                e["registered_at"] = (at(e["registered_at"]) + timedelta(seconds=self.rng.uniform(3600, 9 * 3600))).isoformat(timespec="seconds")

    # ---- ids, and calls of nobody
    def id_form(self):
        kind = self.rng.randrange(4)
        for e in self.ledger:
            i = e["call_id"]
            if i:
                e["call_id"] = ["PBX1-" + i, i.replace(".", "-"), i + "@pbx", "CALL_" + i.replace(".", "_")][kind]

    def ids_again(self):
        m = self.rng.randrange(200, 900)
        number = {}
        for r in self.recordings:
            number.setdefault(r["call_id"], "%06d" % (len(number) % m))
        for r in self.recordings:
            r["call_id"] = number[r["call_id"]]
        for e in self.ledger:
            e["call_id"] = number.get(e["call_id"], "")

    def tests(self):
        """calls of the desk's own test phone"""
        one = self.recordings[0]; out = []
        first, last = (at(x["ring_started_at"]) for x in (self.recordings[0], self.recordings[-1]))
        t = first
        while t < last:
            t += timedelta(seconds=self.rng.uniform(3, 9) * 3600)
            r = dict(one); r["recording_id"] = "R%016x" % self.rng.getrandbits(64); r["sha256"] = "%064x" % self.rng.getrandbits(256)
            r["call_id"] = "%d.t%d" % (t.timestamp(), len(out)); r["direction"] = "in"; r["from_number"] = "4008005500"
            for k, s in (("ring_started_at", 0), ("started_at", 5), ("answered_at", 5), ("ended_at", 45)):
                r[k] = (t + timedelta(seconds=s)).isoformat(timespec="seconds")
            r["duration_s"] = "40"
            out.append(r)
        self.recordings += out
        self.recordings.sort(key=lambda r: r["ring_started_at"])
        return [r["recording_id"] for r in out]


# in this order: the truth of times is needed before they are written otherwise
KNOBS = ["tests", "end_of_call", "clock_jumps", "clock_drifts", "wrong_zone", "accounts", "agent_codes", "late", "mask", "dress",
         "trunk_form", "trunk_for_all", "id_form", "ids_again", "time_form", "stamp_form", "typed_form"]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("source"); ap.add_argument("target"); ap.add_argument("--seed", default="1")
    ap.add_argument("--only", default="", help="these knobs at every site, instead of some at each")
    ap.add_argument("--share", type=float, default=.25, help="how likely a site draws each knob")
    a = ap.parse_args()
    os.makedirs(a.target, exist_ok=True)
    data, heads = {}, {}
    for k in ("recordings", "ledger", "truth"):
        with open(os.path.join(a.source, k + ".csv"), newline="", encoding="utf-8") as f:
            rows = csv.DictReader(f); data[k] = list(rows); heads[k] = rows.fieldnames
    shutil.copy(os.path.join(a.source, "directory.csv"), a.target)
    pairs = [(t["recording_id"], t["entry_id"]) for t in data["truth"] if t["relation"] in ("matched", "duplicate_of")]
    out = {"recordings": [], "ledger": []}
    for name in sorted({r["site"] for r in data["recordings"]}):
        rng = random.Random("%s:%s" % (a.seed, name))
        site = Site(name, rng, [r for r in data["recordings"] if r["site"] == name],
                    [e for e in data["ledger"] if e["site"] == name], pairs)
        for knob in KNOBS:
            if knob in a.only.split(",") or (not a.only and rng.random() < a.share):
                for rid in getattr(site, knob)() or []:
                    data["truth"].append(dict.fromkeys(heads["truth"], "") | {"recording_id": rid, "relation": "unregistered"})
        out["recordings"] += site.recordings; out["ledger"] += site.ledger
    out["truth"] = data["truth"]
    for k, rows in out.items():
        with open(os.path.join(a.target, k + ".csv"), "w", newline="", encoding="utf-8") as f:
            w = csv.DictWriter(f, heads[k], lineterminator="\n"); w.writeheader(); w.writerows(rows)


if __name__ == "__main__":
    main()
