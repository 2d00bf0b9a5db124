#!/usr/bin/env bash
# Seeds for the target `sound`: a third of a second in every format that ffmpeg writes and the program reads, each
# behind the byte that names its ending. fuzz/sound_seeds.sh FOLDER
set -euo pipefail
folder=$1
mkdir -p "$folder"
# The order of ENDINGS in fuzz_targets/sound.rs.
endings=(wav mp3 ogg opus flac m4a webm au ulaw gsm g722 raw)
sound="sine=f=450:r=8000:d=0.35"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
seed() { # NAME ENDING OPTIONS…
  local name=$1 ending=$2 index
  shift 2
  for index in "${!endings[@]}"; do
    [ "${endings[$index]}" = "$ending" ] || continue
    ffmpeg -nostdin -v error -y -f lavfi -i "$sound" "$@" "$made/$name" || { echo "no $name" >&2; return 0; }
    { printf "\\x$(printf %02x "$index")"; cat "$made/$name"; } >"$folder/$name"
  done
}
seed s16.wav wav -c:a pcm_s16le
seed s16-stereo.wav wav -c:a pcm_s16le -ac 2
seed u8.wav wav -c:a pcm_u8
seed s24.wav wav -c:a pcm_s24le
seed s32.wav wav -c:a pcm_s32le
seed f32.wav wav -c:a pcm_f32le
seed alaw.wav wav -c:a pcm_alaw
seed mulaw.wav wav -c:a pcm_mulaw
seed gsm.wav wav -c:a libgsm_ms
seed ima.wav wav -c:a adpcm_ima_wav
seed ms.wav wav -c:a adpcm_ms
seed ms-stereo.wav wav -c:a adpcm_ms -ac 2
seed g722.wav wav -ar 16000 -c:a g722
seed mp3.wav wav -c:a libmp3lame
seed rf64.wav wav -c:a pcm_s16le -rf64 always
seed a.mp3 mp3 -c:a libmp3lame -b:a 16k
seed vorbis.ogg ogg -c:a libvorbis
seed flac.ogg ogg -c:a flac
seed narrow.opus opus -c:a libopus -b:a 12k -application voip
seed full.opus opus -ar 48000 -c:a libopus -b:a 48k
seed a.flac flac -c:a flac
seed aac.m4a m4a -c:a aac
seed opus.m4a m4a -ar 48000 -c:a libopus -f mp4
seed opus.webm webm -c:a libopus
seed vorbis.webm webm -c:a libvorbis
seed pcm.mka webm -c:a pcm_s16le
seed s16.au au -c:a pcm_s16be
seed mulaw.au au -c:a pcm_mulaw
seed a.ulaw ulaw -c:a pcm_mulaw -f mulaw
seed a.gsm gsm -c:a libgsm -f gsm
seed a.g722 g722 -ar 16000 -c:a g722 -f g722
seed a.raw raw -c:a pcm_s16le -f s16le
