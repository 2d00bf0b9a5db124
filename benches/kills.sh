#!/usr/bin/env bash
# Files of a watched folder while the daemon is killed with -9 and started again: none is missed, none is taken twice.
#
#   benches/kills.sh [path/to/ringledger]        FILES=10000 KILLS=5 WORK=/tmp/ringledger-kills
#
# Half of the files are written in place and closed, half are renamed into the folder, as recorders do it; some while no
# daemon runs. Exit code 0 when every file is there once, 1 otherwise. Needs python3.
set -euo pipefail
OURS=${1:-target/release/ringledger}
FILES=${FILES:-10000} KILLS=${KILLS:-5} WORK=${WORK:-/tmp/ringledger-kills}
[ ! -e "$WORK" ] || { echo "$WORK is there already; remove it, or name another with WORK=" >&2; exit 2; }
mkdir -p "$WORK/spool" "$WORK/elsewhere"
exec python3 - "$OURS" "$FILES" "$KILLS" "$WORK" <<'P'
import hashlib, http.client, json, os, random, signal, struct, subprocess, sys, threading, time
ours, files, kills, work = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
spool, elsewhere, data = (os.path.join(work, name) for name in ("spool", "elsewhere", "data"))
settings = os.path.join(work, "ringledger.toml")
with open(settings, "w") as out:
    out.write(f'[[sources]]\nname = "pbx"\nadapter = "generic"\nsite = "default"\nfolders = ["{spool}"]\n')

def wav(number):
    samples = random.Random(number).randbytes(1600)
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    return (b"RIFF" + struct.pack("<I", 36 + len(samples)) + b"WAVEfmt " + struct.pack("<I", 16) + form
            + b"data" + struct.pack("<I", len(samples)) + samples)

# The writer keeps ahead of the daemon by a tenth of the files, so that some come while none runs.
ahead = max(files // 10, 1)
written, seen, digests = 0, 0, set()
def write():
    global written
    for number in range(files):
        while number >= seen + ahead:
            time.sleep(0.01)
        name, body = f"in-{number}.wav", wav(number)
        first = os.path.join(elsewhere if number % 2 else spool, name)
        with open(first, "wb") as out:
            out.write(body)
        if number % 2:
            os.rename(first, os.path.join(spool, name))
        digests.add(hashlib.sha256(body).hexdigest())
        written = number + 1
        time.sleep(0.0005)

def start():
    daemon = subprocess.Popen([ours, "serve", "--config", settings, "--listen", "127.0.0.1:0", "--data", data],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    line = daemon.stdout.readline()
    assert line.startswith("ringledger ready on http://"), line
    return daemon, line.split("//")[1].strip()

def taken(address):
    global seen
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/api/v1/keeping")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    seen = answer["recordings"]
    return seen

began = time.monotonic()
writer = threading.Thread(target=write)
daemon, address = start()
writer.start()
at_kill = []
for kill in range(kills):
    wanted = files * (kill + 1) // (kills + 1)
    while True:
        count = taken(address)
        if count >= wanted:
            break
        time.sleep(0.05)
    os.kill(daemon.pid, signal.SIGKILL)
    daemon.wait()
    at_kill.append((written, count))
    time.sleep(0.5)  # Files go on coming while nobody looks.
    daemon, address = start()
last, since = -1, time.monotonic()
while (count := taken(address)) < files and time.monotonic() - since < 120:
    if count != last:
        last, since = count, time.monotonic()
    time.sleep(0.1)
writer.join()
seconds = time.monotonic() - began
time.sleep(2)  # A second row of anything would be written about now.
daemon.terminate()
daemon.wait()
kept = {a + b for a in os.listdir(os.path.join(data, "recordings")) if len(a) == 2
        for b in os.listdir(os.path.join(data, "recordings", a))}
told = json.loads(subprocess.run([ours, "--json", "verify", "--config", settings, "--data", data],
                                 capture_output=True, text=True).stdout)
missed, strange = len(digests - kept), len(kept - digests)
twice = told["recordings"] - len(digests)
print(f"{files} files, killed {kills} times (written, taken: {at_kill}), {seconds:.0f} s")
print(f"rows {told['recordings']}, objects {len(kept)}, facts {told['facts']}; missed {missed}, twice {twice}, "
      f"strange {strange}; verify: {told['wrong'] or 'as they were'}")
sys.exit(bool(missed or twice or strange or told["wrong"]))
P
