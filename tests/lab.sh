#!/usr/bin/env bash
# A real PBX (Debian's package, in a chroot), real SIP phones and a running ringledger with its feed, webhooks and a watched
# folder; what ringledger says is held against what the phones did. Root, Debian 12 or later, about 600 MB of disk.
#   tests/lab.sh                 every run of tests/lab/plan.json over the manager interface, about 12 minutes
#   tests/lab.sh --reduced       a few runs, about 2 minutes
#   FEED=ari tests/lab.sh        the same over the event WebSocket
#   SYSTEM=kamailio tests/lab.sh the same phones behind a proxy that posts by the snippet of docs/pbx/kamailio.md, about 4 minutes
#   ONLY=01,16b tests/lab.sh     only these runs
# LAB=dir keeps the chroot elsewhere than in target/lab; SUITE= is the Debian suite the PBX comes from.
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
[ "$(id -u)" = 0 ] || { echo "must be root: the PBX runs in a chroot"; exit 2; }
target=${CARGO_TARGET_DIR:-$top/target}
LAB=${LAB:-$target/lab}; SUITE=${SUITE:-forky}; SYSTEM=${SYSTEM:-asterisk}; ONLY=${ONLY:-}; root=$LAB/root-$SUITE
[ "${1:-}" != --reduced ] || ONLY=01,04,05b,06,12,13c,16b,22
mkdir -p "$LAB"; LAB=$(cd "$LAB" && pwd)

need=()
for pair in debootstrap:debootstrap espeak-ng:espeak-ng sox:sox python3:python3; do
  command -v "${pair%%:*}" >/dev/null || need+=("${pair##*:}")
done
if [ ${#need[@]} -gt 0 ]; then
  apt-get update -q >/dev/null
  apt-get install -y -q --no-install-recommends "${need[@]}" >/dev/null
fi

if [ ! -e "$root/.ready" ]; then
  echo "building the chroot ($SUITE) ..."
  sites=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v -i security | sort -u)
  mirror=$(grep -m1 '/debian/\?$' <<<"$sites" || head -1 <<<"$sites")
  script=$SUITE; [ -e "/usr/share/debootstrap/scripts/$SUITE" ] || script=sid
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates,tzdata "$SUITE" "$root" "$mirror" "$script" \
    >"$LAB/debootstrap.log" 2>&1 || { tail -5 "$LAB/debootstrap.log"; echo "no chroot: see $LAB/debootstrap.log"; exit 2; }
  # The machine's own apt settings (proxies, certificates of a local mirror) hold inside too.
  for file in /etc/apt/apt.conf.d/*; do
    if grep -q -E '^[^#/]*Acquire' "$file" 2>/dev/null; then cp "$file" "$root/etc/apt/apt.conf.d/"; fi
  done
  cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
  # Nothing that is installed may start.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"; chmod +x "$root/usr/sbin/policy-rc.d"
  DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c \
    'apt-get update -q && apt-get install -y -q --no-install-recommends asterisk asterisk-modules curl \
       kamailio kamailio-extra-modules kamailio-utils-modules' \
    >"$LAB/apt.log" 2>&1 || { tail -5 "$LAB/apt.log"; echo "no PBX: see $LAB/apt.log"; exit 2; }
  rm -rf "$root"/var/cache/apt/archives/*.deb
  touch "$root/.ready"
fi
chroot "$root" sh -c 'asterisk -V; kamailio -v | head -1'
# Or the PBX asks the DNS for its own name at the start.
printf '127.0.0.1 localhost %s\n::1 localhost %s\n' "$(hostname)" "$(hostname)" >"$root/etc/hosts"
ln -sfn /usr/share/zoneinfo/Asia/Shanghai "$root/etc/localtime"; echo Asia/Shanghai >"$root/etc/timezone"

[ -n "${NO_BUILD:-}" ] || (cd "$top" && cargo build --locked -q)
work=$(mktemp -d "$LAB/run.XXXXXX")
status=0
python3 -B "$top/tests/lab/lab.py" --root "$root" --work "$work" --ringledger "$target/debug/ringledger" \
  --system "$SYSTEM" --feed "${FEED:-}" --only "$ONLY" || status=$?
if [ "$status" = 0 ]; then rm -rf "$work"; else echo "kept for looking at: $work"; fi
exit "$status"
