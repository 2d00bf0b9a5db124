#!/usr/bin/env python3
"""Measures `ringledger link` on generated desks, beside the shipped weights and on data written otherwise.

  bench.py --program target/release/ringledger --generator generate.py --scorer score.py --work DIR
           [--recordings 100000] [--seed 302] [--presets typical,messy,burst] [--perturb 3]
           [--splink PYTHON [--turns 3]]

Per line: F1 of links (all rows, rows without a call id), F1 of findings, precision and share of the automatic links,
calibration error with every call id withheld, wall and processor seconds, memory. `shipped` learns nothing and reads no
habits: what it loses on `written otherwise` beside `learned` is what learning and reading are worth.
`--splink` names a Python that has Splink 4 and SciPy (`pip install 'splink>=4,<5' scipy` in an environment of its own): the
same files are linked by it right after, and the ratio of wall times, files in to files out, stands in the line: of so many
turns, ours and Splink's in alternation, the median of the turns' ratios, and each turn's.
"""
import argparse, csv, json, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
HABITS = ["number-affix", "time-form", "clock", "moment", "typing", "id-form", "shared-number", "never-registered"]


def timed(command):
    """wall seconds, processor seconds, KiB"""
    done = subprocess.run(["/usr/bin/time", "-f", "%e %U %M", *command], capture_output=True, text=True)
    if done.returncode > 1:
        sys.exit(done.stderr)
    return [float(x) for x in done.stderr.strip().splitlines()[-1].split()]


def link(a, data, out, *more):
    return timed([a.program, "link", "--recordings", data + "/recordings.csv", "--ledger", data + "/ledger.csv",
                  "--directory", data + "/directory.csv", "--out", out, *more])


def scored(a, data, out):
    subprocess.run([sys.executable, a.scorer, "--truth", data + "/truth.csv", "--links", out + "/links.csv", "--mismatches",
                    out + "/mismatches.csv", "--out", out + "/metrics.json", "--brief"], check=True, stdout=subprocess.DEVNULL)
    return json.load(open(out + "/metrics.json"))


def truth(data):
    links, of_entry, of_recording = {}, {}, {}
    for t in csv.DictReader(open(data + "/truth.csv", encoding="utf-8")):
        if t["relation"] == "matched":
            links[t["entry_id"]] = t["recording_id"]
        elif t["relation"] == "duplicate_of":
            of_entry[t["entry_id"]] = t["ref_id"]
        elif t["relation"] == "duplicate_recording":
            of_recording[t["recording_id"]] = t["ref_id"]
    right = lambda l: links.get(of_entry.get(l["entry_id"], l["entry_id"])) == of_recording.get(l["recording_id"], l["recording_id"])
    return links, right


def automatic(data, out):
    links, right = truth(data)
    rows = [l for l in csv.DictReader(open(out + "/links.csv")) if l["by"] in ("call_id", "evidence")]
    good = sum(map(right, rows))
    return good / max(1, len(rows)), good / max(1, len(links))


def calibration(a, data, out):
    """links again without any call id; the error over the rows that had one"""
    bare = out + "-bare"; os.makedirs(bare, exist_ok=True)
    had = set()
    with open(data + "/ledger.csv", newline="", encoding="utf-8") as f, \
            open(bare + "/ledger.csv", "w", newline="", encoding="utf-8") as g:
        rows = csv.DictReader(f); w = csv.DictWriter(g, rows.fieldnames); w.writeheader()
        for row in rows:
            if row["call_id"]:
                had.add(row["entry_id"])
            w.writerow(row | {"call_id": ""})
    for name in ("recordings.csv", "directory.csv"):
        if not os.path.exists(bare + "/" + name):
            os.symlink(os.path.abspath(data + "/" + name), bare + "/" + name)
    link(a, bare, bare)
    _, right = truth(data); bins = [[0, 0.0, 0] for _ in range(10)]
    for l in csv.DictReader(open(bare + "/links.csv")):
        if l["entry_id"] in had:
            p = float(l["probability"]); b = bins[min(9, int(p * 10))]
            b[0] += 1; b[1] += p; b[2] += right(l)
    return sum(abs(b[1] - b[2]) for b in bins) / max(1, sum(b[0] for b in bins))


def line(a, name, data, out, *more, calibrate=False):
    wall, user, memory = link(a, data, out, *more)
    m = scored(a, data, out); f = lambda k: m.get(k, {}).get("f1", 0)
    precision, share = automatic(data, out)
    error = "%.4f" % calibration(a, data, out) if calibrate else "-"
    print("| %s | %.4f | %.4f | %.3f | %.3f | %.3f | %.4f | %.3f | %s | %.2f | %.2f | %d | %d |" % (
        name, f("links"), f("links_without_call_id"), f("unregistered"), f("ghost"), f("duplicate"), precision, share, error,
        wall, user, memory / 1024, m["one_to_one_violations"] + m["walkin_links"]), flush=True)


def beside(a, name, data, count):
    """the same files by Splink, so many turns in alternation with ours"""
    out = data + "-splink"
    turns = []
    for _ in range(count):
        own = link(a, data, data + "-out")[0]
        turns.append((own, *timed([a.splink, HERE + "/splink_link.py", data, out])))
    m = scored(a, data, out); f = lambda k: m.get(k, {}).get("f1", 0)
    ratios = [wall / max(own, 0.01) for own, wall, _, _ in turns]
    middle = [statistics.median(column) for column in zip(*turns)]
    print("| %s, Splink: %.1f times our wall (%s; ours %.2f s) | %.4f | %.4f | %.3f | %.3f | %.3f | - | - | - | %.2f | %.2f | %d | %d |" % (
        name, statistics.median(ratios), ", ".join("%.1f" % one for one in ratios), middle[0], f("links"), f("links_without_call_id"),
        f("unregistered"), f("ghost"), f("duplicate"), *middle[1:3], middle[3] / 1024, m["one_to_one_violations"] + m["walkin_links"]),
        flush=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("program", "generator", "scorer", "work"):
        ap.add_argument("--" + name, required=True)
    ap.add_argument("--recordings", default="100000"); ap.add_argument("--seed", default="302")
    ap.add_argument("--presets", default="typical,messy,burst"); ap.add_argument("--perturb", type=int, default=3)
    ap.add_argument("--splink", help="a Python that has Splink 4 and SciPy"); ap.add_argument("--turns", type=int, default=3)
    a = ap.parse_args()
    print("| data | F1 | F1 no id | unregistered | ghost | duplicate | auto P | auto share | calibration | wall s | CPU s | MB | violations |")
    print("|---" * 13 + "|")
    off = [x for habit in HABITS for x in ("--no-habit", habit)]
    for preset in a.presets.split(","):
        data = "%s/%s-%s-%s" % (a.work, a.recordings, preset, a.seed)
        if not os.path.exists(data + "/truth.csv"):
            subprocess.run([sys.executable, a.generator, "--preset", preset, "--recordings", a.recordings, "--seed", a.seed,
                            "--out", data], check=True, stdout=subprocess.DEVNULL)
        line(a, preset, data, data + "-out", calibrate=True)
        if a.splink:
            beside(a, preset, data, a.turns)
        line(a, preset + ", shipped", data, data + "-shipped", "--shipped-weights", *off)
        for n in range(1, a.perturb + 1):
            other = "%s-p%d" % (data, n)
            subprocess.run([sys.executable, HERE + "/perturb.py", data, other, "--seed", str(n)], check=True)
            line(a, "%s, written otherwise %d" % (preset, n), other, other + "-out")
            if a.splink:
                beside(a, "%s, written otherwise %d" % (preset, n), other, 1)
            line(a, "%s, written otherwise %d, shipped" % (preset, n), other, other + "-shipped", "--shipped-weights", *off)


if __name__ == "__main__":
    main()
