#!/usr/bin/env bash
# Listening beside ffmpeg (ebur128 + silencedetect, then sha256sum) on the same files in one run: hours of audio a CPU second,
# how much sooner two threads are done than one, how far lengths and loudness lie apart, and the greatest memory of one
# process over a file of MEMORY_H hours (0: not measured). Needs ffmpeg and python3; espeak-ng makes the speech where it
# is installed, else python does something like it.
#
#   benches/sound.sh [path/to/ringledger]        FILES=16 REPS=2 WORK=/tmp/ringledger-sound LONG_H=0.8 MEMORY_H=10
set -euo pipefail
OURS=${1:-target/release/ringledger}
FILES=${FILES:-16} REPS=${REPS:-2} WORK=${WORK:-/tmp/ringledger-sound} LONG_H=${LONG_H:-0.8} MEMORY_H=${MEMORY_H:-10}
FORMATS=${FORMATS:-"pcm stereo ulaw alaw gsm g722 ima flac mp3 opus webm vorbis m4a long"}
mkdir -p "$WORK"/{pcm,stereo,ulaw,alaw,gsm,g722,ima,flac,mp3,opus,webm,vorbis,m4a,long,src}

make_one() {
  local n=$1 w=$2 ff="ffmpeg -nostdin -v error -y"
  local s=$w/src/$n.wav
  [ -s "$s" ] || {
    if ! command -v espeak-ng >/dev/null; then
      python3 - "$n" "$s.raw" <<'P'
# Voiced syllables with a melody and formants, hissed ones, words and pauses.
import math, random, struct, sys, wave
r, rate = random.Random(int(sys.argv[1])), 8000
samples, pitch = [], r.uniform(90, 230)
while len(samples) < 180 * rate:
    length, start, end = int(r.uniform(.08, .28) * rate), pitch * r.uniform(.85, 1.2), pitch * r.uniform(.8, 1.1)
    formants, loud, voiced, phase = (r.uniform(300, 800), r.uniform(900, 2600)), r.uniform(.1, .4), r.random() < .75, 0
    weights = [sum(1 / (1 + ((start * k - f) / 120) ** 2) for f in formants) + .05 for k in range(1, 13)]
    for n in range(length):
        phase += (start + (end - start) * n / length) / rate
        sound = sum(math.sin(2 * math.pi * phase * k) * weights[k - 1] for k in range(1, 13)) * .5 if voiced else r.uniform(-.5, .5)
        samples.append(sound * math.sin(math.pi * n / length) * loud)
    samples += [0] * int(rate * (r.uniform(.3, 3) if r.random() < .12 else r.uniform(0, .08)))
with wave.open(sys.argv[2], "wb") as out:
    out.setnchannels(1), out.setsampwidth(2), out.setframerate(rate)
    out.writeframes(b"".join(struct.pack("<h", int(max(-1, min(1, s)) * 32767)) for s in samples[:180 * rate]))
P
    else
    python3 - "$n" >"$w/src/$n.txt" <<'P'
import random, sys
r = random.Random(int(sys.argv[1]))
words = "hello this is the front desk my name is the lift in building four is out of order since yesterday water repair room please wait i will send a technician thank you goodbye door light parking noise garden".split()
print("<speak>" + " ".join(" ".join(r.choice(words) for _ in range(r.randint(4, 12))) + f'. <break time="{r.choice([300, 800, 1500, 3000])}ms"/>' for _ in range(42)) + "</speak>")
P
    espeak-ng -m -s $((140 + 10#$n % 5 * 10)) -w "$s.raw" -f "$w/src/$n.txt" 2>/dev/null
    fi
    $ff -i "$s.raw" -f lavfi -i "anoisesrc=r=8000:a=0.001:seed=$n" -filter_complex \
      "[0]aresample=8000,volume=0.6,apad=whole_dur=180,atrim=0:180[v];[v][1]amix=inputs=2:normalize=0:duration=first" -ac 1 -c:a pcm_s16le "$s"
    rm -f "$s.raw" "$w/src/$n.txt"
  }
  [ -s "$w/pcm/$n.wav" ] || $ff -i "$s" -c:a pcm_s16le -bitexact "$w/pcm/$n.wav"
  [ -s "$w/ulaw/$n.wav" ] || $ff -i "$s" -c:a pcm_mulaw -bitexact "$w/ulaw/$n.wav"
  [ -s "$w/alaw/$n.wav" ] || $ff -i "$s" -c:a pcm_alaw -bitexact "$w/alaw/$n.wav"
  [ -s "$w/gsm/$n.wav" ] || $ff -i "$s" -c:a libgsm_ms "$w/gsm/$n.wav"
  [ -s "$w/g722/$n.wav" ] || $ff -i "$s" -ar 16000 -c:a g722 "$w/g722/$n.wav"
  [ -s "$w/ima/$n.wav" ] || $ff -i "$s" -c:a adpcm_ima_wav "$w/ima/$n.wav"
  [ -s "$w/flac/$n.flac" ] || $ff -i "$s" -c:a flac "$w/flac/$n.flac"
  [ -s "$w/mp3/$n.mp3" ] || $ff -i "$s" -c:a libmp3lame -b:a 16k "$w/mp3/$n.mp3"
  [ -s "$w/opus/$n.opus" ] || $ff -i "$s" -c:a libopus -b:a 16k -application voip "$w/opus/$n.opus"
  [ -s "$w/webm/$n.webm" ] || $ff -i "$s" -c:a libopus -b:a 24k "$w/webm/$n.webm"
  [ -s "$w/vorbis/$n.ogg" ] || $ff -i "$s" -c:a libvorbis "$w/vorbis/$n.ogg"
  [ -s "$w/m4a/$n.m4a" ] || $ff -i "$s" -c:a aac "$w/m4a/$n.m4a"
  [ -s "$w/stereo/$n.wav" ] || $ff -i "$s" -filter_complex \
    "[0]aformat=channel_layouts=mono,asplit[a][b];[b]adelay=7000,apad=whole_dur=180,atrim=0:180[c];[a][c]join=inputs=2:channel_layout=stereo" -c:a pcm_s16le -bitexact "$w/stereo/$n.wav"
}
export -f make_one
seq -f %03.0f "$FILES" | xargs -P 2 -I{} bash -c 'make_one {} '"$WORK"
[ -s "$WORK/long/all.wav" ] || {
  count=$(python3 -c "print(round($LONG_H * 20))")
  for i in $(seq 0 $((count - 1))); do printf "file '%s'\n" "$WORK/pcm/$(printf %03d $((i % FILES + 1))).wav"; done >"$WORK/list.txt"
  ffmpeg -nostdin -v error -y -f concat -safe 0 -i "$WORK/list.txt" -c:a pcm_s16le -bitexact "$WORK/long/all.wav"
}

exec python3 - "$OURS" "$WORK" "$REPS" "$MEMORY_H" $FORMATS <<'P'
import json, os, re, resource, statistics, subprocess, sys, time, wave
ours, work, reps, memory_h, formats = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5:]

def measured(command, **options):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, **options)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall

def family(root):
    """The processes of a tree: read from /proc, as a process's own peak forgets what it was forked from."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                parents[int(name)] = int(stat.read().rsplit(")", 1)[1].split()[1])
        except OSError:
            pass
    found = [root]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found

def peaks(command):
    """Greatest resident memory in MiB of each process of a command, by what it is: parent, children."""
    done = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen = {}
    while done.poll() is None:
        for one in family(done.pid):
            try:
                with open(f"/proc/{one}/status") as status:
                    fields = dict(line.split(":", 1) for line in status)
                kib = {key: int(fields[key].split()[0]) for key in ("VmHWM", "RssAnon", "RssFile")}
            except (OSError, KeyError):
                continue
            seen[one] = {key: max(seen.get(one, {}).get(key, 0), value) for key, value in kib.items()}
        time.sleep(0.02)
    own = seen.pop(done.pid)
    told = lambda row: f"{row['VmHWM'] / 1024:.1f} MiB ({row['RssAnon'] / 1024:.1f} of its own, {row['RssFile'] / 1024:.1f} of program text)"
    return f"parent {told(own)}; " + "; ".join(f"worker {told(row)}" for row in seen.values())

def ffmpeg(files):
    script = 'for f in "$@"; do sha256sum "$f"; ffmpeg -nostdin -nostats -threads 1 -i "$f" -af ebur128=framelog=verbose,silencedetect=n=-45dB:d=0.3,ashowinfo -f null -; done'
    plain = script.replace(",ashowinfo", "")
    return plain, script

def truth(path):
    done = subprocess.run(["bash", "-c", ffmpeg([])[1], "_", path], capture_output=True, text=True)
    loud = re.findall(r"I:\s+(-?[\d.]+) LUFS", done.stderr)
    frames = re.findall(r"pts_time:([\d.-]+) .*?rate:(\d+) nb_samples:(\d+)", done.stderr)
    length = float(frames[-1][0]) - float(frames[0][0]) + int(frames[-1][2]) / int(frames[-1][1])
    if path.endswith(".m4a"):
        # Decoding, ffmpeg keeps the filling of the last packet that the edit list leaves out; its own ffprobe does not.
        probe = ["ffprobe", "-v", "error", "-show_entries", "stream=duration", "-of", "csv=p=0", path]
        length = float(subprocess.run(probe, capture_output=True, text=True).stdout)
    return length, float(loud[-1])

print("| format | h/CPU s ours | ffmpeg | ratio | 2 threads wall | greatest error s | LU |")
print("|---|---|---|---|---|---|---|")
for name in formats:
    folder = os.path.join(work, name)
    files = sorted(os.path.join(folder, f) for f in os.listdir(folder))
    own, theirs, gains, rows = [], [], [], []
    for _ in range(reps):
        done, cpu, wall = measured([ours, "--json", "listen", "--threads", "1", folder])
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(rows) == len(files), done.stderr
        hours = sum(row["duration_s"] for row in rows) / 3600
        own.append(hours / cpu)
        _, cpu, _ = measured(["bash", "-c", ffmpeg(files)[0], "_", *files])
        theirs.append(hours / cpu)
        if len(files) > 1:
            _, _, two = measured([ours, "--json", "listen", "--threads", "2", folder])
            gains.append(wall / two)
    apart = [(abs(row["duration_s"] - t[0]), abs(row["loudness_lufs"] - t[1])) for row in rows for t in [truth(row["file"])]]
    a, b = statistics.median(own), statistics.median(theirs)
    gain = f"{statistics.median(gains):.2f}x" if gains else "-"
    print(f"| {name} | {a:.2f} | {b:.3f} | {a / b:.1f}x | {gain} | {max(d for d, _ in apart):.3f} | {max(l for _, l in apart):.2f} |", flush=True)

if memory_h:
    one = os.path.join(work, "memory.wav")
    if not os.path.exists(one):
        with open(os.path.join(work, "pcm", "001.wav"), "rb") as source:
            sound = source.read()[44:]
        with wave.open(one + ".part", "wb") as out:
            out.setparams((1, 2, 8000, 0, "NONE", ""))
            for _ in range(int(memory_h * 20)):
                out.writeframes(sound)
        os.rename(one + ".part", one)
    print(f"\nmemory, one PCM file of {memory_h:g} h: {peaks([ours, 'listen', one])}")
P
