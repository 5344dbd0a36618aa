"""The shell scripts that run on a board. Each takes the folder in its home as $1, and needs a POSIX shell only.

ROOT/lock            who deploys: a step holds it (flock) as long as it runs, the text stays between two steps
ROOT/wheels/         every wheel that was sent, whole
ROOT/environments/   a virtual environment for each set of wheels; `complete` lists them in those that are
ROOT/versions/       a folder for each deployment: model.tflite, what tune chose, a link to its environment, and
                     `accepted` once it was verified: one more than the number of the version before
ROOT/current         a link to the version in use, replaced in one step

The numbers are the order, and neither the names nor the times: two people's clocks differ, and a board without a
clock starts in 1970. A folder loses its mark (`accepted`, `complete`) before its files, so that half of one is never
taken for a whole one, and what gets a mark is on the disk before (sync): a board loses its power at any moment.
"""

from __future__ import annotations

BUSY = 75  # EX_TEMPFAIL of sysexits.h: somebody else's deployment is at work

PROBE = r"""
root="$HOME/$1"
echo "edgeready-probe 1"
echo "machine=$(uname -m)"
echo "libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo unknown)"
echo "python=$(python3 -c 'import struct, sys
print("%d.%d %d" % (sys.version_info[0], sys.version_info[1], 8 * struct.calcsize("P")))' 2>/dev/null)"
python3 -c 'import ensurepip, venv' 2>/dev/null && echo "venv=yes"
command -v flock >/dev/null && echo "flock=yes"
if cd "$root/wheels" 2>/dev/null; then
  for wheel in *.whl; do [ ! -f "$wheel" ] || echo "wheel=$(sha256sum "$wheel")"; done
fi
[ ! -L "$root/current" ] || echo "current=$(basename "$(readlink "$root/current")")"
if cd "$root/current" 2>/dev/null; then
  [ ! -f model.tflite ] || echo "model=$(sha256sum model.tflite)"
  if [ -e environment/complete ] && environment/bin/python -c "" 2>/dev/null; then
    echo "environment=$(basename "$(readlink environment)")"
  fi
fi
echo "edgeready-probe end"
"""

# Functions of the steps. The lock says who deploys, since when (the board's uptime), in which process group and boot.
_FUNCTIONS = r"""
number() {
  value=
  [ ! -f "$1/accepted" ] || read -r value <"$1/accepted" || :
  case "$value" in '' | 0* | *[!0-9]*) value=0 ;; esac
}
remove_version() {
  if [ ! "$1" -ef "$root/current" ]; then rm -f "$1/accepted"; rm -rf "$1"; fi
}
boot=$(cat /proc/sys/kernel/random/boot_id)
read -r uptime rest </proc/uptime
uptime=${uptime%%.*}
read_lock() {
  read -r holder owner since group in_boot <"$root/lock" || holder=
  case "$since" in '' | *[!0-9]*) since=$uptime ;; esac
}
refuse_busy() {
  read_lock
  end="wait"
  [ -z "$group" ] || end="wait, or end it with ssh and 'kill -- -$group'"
  echo "${owner:-somebody} deploys there since $((uptime - since)) s: $end" >&2
  exit 75
}
"""

# $2 token, $3 owner, $4 the version that the probe saw, or "deployed" where any will do, $5 seconds in which the next
# step of a deployment that is alive begins. One whose steps do not follow was interrupted: it loses the board, and
# what it left goes. Prints the space that is free then.
LOCK = (
    r"""
set -eu
umask 077
root="$HOME/$1"; token="$2"; name="$3"; expected="$4"; grace="$5"
[ "$expected" != deployed ] || [ -L "$root/current" ] || { echo "nothing is deployed there" >&2; exit 4; }
mkdir -p "$root"
"""
    + _FUNCTIONS
    + r"""
exec 9<>"$root/lock"
flock -n 9 || refuse_busy
read_lock
if [ -n "$holder" ] && [ "$in_boot" = "$boot" ]; then
  before="$holder $group"
  flock -u 9
  sleep "$grace"
  flock -n 9 || refuse_busy
  read_lock
  [ -z "$holder" ] || [ "$holder $group" = "$before" ] || refuse_busy
fi
now=
[ ! -L "$root/current" ] || now=$(basename "$(readlink "$root/current")")
if [ "$expected" != deployed ] && [ "$now" != "$expected" ]; then
  echo "another deployment has changed it to ${now:-nothing} in between: run this again" >&2
  exit 75
fi
echo "$token $name $uptime $$ $boot" >"$root/lock"
rm -rf "$root"/incoming.*
for path in "$root"/versions/*; do
  number "$path"
  [ ! -d "$path" ] || [ "$value" -gt 0 ] || remove_version "$path"
done
for path in "$root"/environments/*; do [ -e "$path/complete" ] || rm -rf "$path"; done
echo "edgeready-free $(df -Pk "$root" | awk 'NR == 2 { print $4 }')"
"""
)

# $2 token. Goes before each step: it holds the lock as long as it runs, and only if nobody took the board over.
_OWN = (
    r"""
set -eu
umask 077
root="$HOME/$1"; token="$2"; shift 2
"""
    + _FUNCTIONS
    + r"""
exec 9<>"$root/lock"
tries=0
until flock -n 9; do
  tries=$((tries + 1))
  [ "$tries" -le 10 ] || refuse_busy
  sleep 1
done
read_lock
[ "$holder" = "$token" ] || { echo "${owner:-another deployment} took the board over: run this again" >&2; exit 75; }
echo "$token $owner $since $$ $boot" >"$root/lock"
"""
)

# $1 version. Standard input is a tar with wheels, model.tflite and SUMS. Nothing is in its place before all is whole.
SEND = (
    _OWN
    + r"""
mkdir -p "$root/wheels" "$root/versions" "$root/environments"
incoming="$root/incoming.$1"
mkdir "$incoming"
trap 'rm -rf "$incoming"' EXIT
cd "$incoming"
tar -xof -
sha256sum -c SUMS >/dev/null
for wheel in *.whl; do [ ! -f "$wheel" ] || mv -f "$wheel" "$root/wheels/"; done
mkdir "$root/versions/$1"
mv model.tflite "$root/versions/$1/"
"""
)

# The wheel of pip that a Python keeps for new environments, if it is where CPython and Debian put it.
_PIP = r"""
import ensurepip, glob, os
folders = [getattr(ensurepip, "_WHEEL_PKG_DIR", None), os.path.join(os.path.dirname(ensurepip.__file__), "_bundled"),
           "/usr/share/python-wheels"]
wheels = [wheel for folder in folders if folder for wheel in sorted(glob.glob(os.path.join(folder, "pip-*.whl")))]
print(wheels[0] if wheels else "")
"""

# pip runs out of its wheel: to install it (and setuptools) where nobody calls it takes as long as all the rest.
# Modules are compiled when they are first imported (--no-compile), and those that nobody imports are not.
# $1 version, $2 environment, $3 "system" for a board whose numpy comes from its system, then the names of the wheels.
INSTALL = (
    _OWN
    + r"""
version="$1"; environment="$root/environments/$2"; packages="$3"; link="../../environments/$2"; shift 3
if [ ! -e "$environment/complete" ] || ! "$environment/bin/python" -c "" 2>/dev/null; then
  rm -f "$environment/complete"
  rm -rf "$environment"
  cd "$root/wheels"
  own=
  if [ "$packages" = system ]; then
    python3 -c 'import numpy, PIL' || { echo "sudo apt install python3-numpy python3-pil" >&2; exit 6; }
    own=--system-site-packages
  fi
  pip=$(python3 -c '@PIP@')
  if [ -n "$pip" ]; then
    python3 -m venv --without-pip $own "$environment"
    pip="$pip/pip"
  else
    python3 -m venv $own "$environment"
    pip=-mpip
  fi
  export PIP_CONFIG_FILE=/dev/null
  "$environment/bin/python" "$pip" --isolated install -q --no-index --no-deps --no-compile --no-warn-script-location \
    --disable-pip-version-check "$@"
  sync
  printf '%s\n' "$@" >"$environment/complete"
fi
ln -sfn "$link" "$root/versions/$version/environment"
"""
).replace("@PIP@", _PIP)

# $1 version, then the words of edgeready-device.
DEVICE = (
    _OWN
    + r"""
cd "$root/versions/$1"
shift
exec environment/bin/python -m edgeready_device "$@"
"""
)

# $1 version, $2 how many versions stay. What was rolled back from goes, and what no version that stays needs.
ACTIVATE = (
    _OWN
    + r"""
version="$1"; kept="$2"
cd "$root"
number current
now=$value
for path in versions/*; do
  number "$path"
  [ "$value" -le "$now" ] || remove_version "$path"
done
now=$((now + 1))
echo "$now" >"versions/$version/accepted"
ln -sfn "versions/$version" current.new
sync
mv -T current.new current
sync
for path in versions/*; do
  number "$path"
  [ $((now - value)) -lt "$kept" ] || remove_version "$path"
done
for environment in environments/*; do
  used=no
  for link in versions/*/environment; do [ ! "$link" -ef "$environment" ] || used=yes; done
  if [ "$used" = no ]; then rm -f "$environment/complete"; rm -rf "$environment"; fi
done
for wheel in wheels/*; do
  cat environments/*/complete 2>/dev/null | grep -qxFe "${wheel#wheels/}" || rm -f "$wheel"
done
"""
)

# $1 version: removes one that was not accepted, and an environment that was not completed.
DISCARD = (
    _OWN
    + r"""
rm -rf "$root/incoming.$1"
number "$root/versions/$1"
[ "$value" -gt 0 ] || remove_version "$root/versions/$1"
for path in "$root"/environments/*; do [ -e "$path/complete" ] || rm -rf "$path"; done
"""
)

# Makes the version before the current one current, where that still runs, and prints both.
ROLLBACK = (
    _OWN
    + r"""
cd "$root"
now=$(basename "$(readlink current)")
number current
current=$value; best=0; before=
for path in versions/*; do
  number "$path"
  if [ "$value" -lt "$current" ] && [ "$value" -gt "$best" ]; then best=$value; before=${path#versions/}; fi
done
[ -n "$before" ] || { echo "no version before $now is kept there" >&2; exit 4; }
if ! (cd "versions/$before" && environment/bin/python -m edgeready_device doctor model.tflite >/dev/null 2>&1); then
  echo "$before does not run there any more (doctor in its folder says why): deploy its model again" >&2
  exit 6
fi
ln -sfn "versions/$before" current.new
mv -T current.new current
sync
echo "edgeready-rollback $now $before"
"""
)

# Ends a deployment.
RELEASE = _OWN + ': >"$root/lock"\n'
