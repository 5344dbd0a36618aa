"""The shell scripts that run on a board. Each takes the folder in its home as $1, and needs a POSIX shell only.

ROOT/wheels/         every wheel that was sent, whole
ROOT/environments/   a virtual environment for each set of wheels; `complete` lies in those that are
ROOT/versions/       a folder for each deployment: model.tflite, what tune chose, a link to its environment, and
                     `accepted` once it was verified
ROOT/current         a link to the version in use, replaced in one step
"""

from __future__ import annotations

PROBE = r"""
root="$HOME/$1"
echo "edgeready-probe 1"
echo "machine=$(uname -m)"
echo "libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || echo unknown)"
echo "python=$(python3 -c 'import struct, sys
print("%d.%d %d" % (sys.version_info[0], sys.version_info[1], 8 * struct.calcsize("P")))' 2>/dev/null)"
python3 -c 'import ensurepip, venv' 2>/dev/null && echo "venv=yes"
echo "free_kb=$(df -Pk "$HOME" | awk 'NR == 2 { print $4 }')"
if cd "$root/wheels" 2>/dev/null; then
  for wheel in *.whl; do [ ! -f "$wheel" ] || echo "wheel=$(sha256sum "$wheel")"; done
fi
if cd "$root/current" 2>/dev/null; then
  echo "model=$(sha256sum model.tflite)"
  echo "environment=$(basename "$(readlink environment)")"
fi
echo "edgeready-probe end"
"""

# $2 version. Standard input is a tar with wheels, model.tflite and SUMS. Nothing is in its place before all is whole.
SEND = r"""
set -eu
umask 077
root="$HOME/$1"
mkdir -p "$root/wheels" "$root/versions" "$root/environments"
find "$root" -maxdepth 1 -name 'incoming.*' -mmin +60 -exec rm -rf {} +
incoming="$root/incoming.$2"
mkdir "$incoming"
trap 'rm -rf "$incoming"' EXIT
cd "$incoming"
tar -xf -
sha256sum -c SUMS >/dev/null
for wheel in *.whl; do [ ! -f "$wheel" ] || mv -f "$wheel" "$root/wheels/"; done
mkdir "$root/versions/$2"
mv model.tflite "$root/versions/$2/"
"""

# $2 version, $3 environment, $4 "system" for a board whose numpy comes from its system, then the names of the wheels.
INSTALL = r"""
set -eu
umask 077
root="$HOME/$1"; version="$2"; name="$3"; packages="$4"; shift 4
environment="$root/environments/$name"
if [ ! -e "$environment/complete" ]; then
  rm -rf "$environment"
  cd "$root/wheels"
  if [ "$packages" = system ]; then
    python3 -c 'import numpy, PIL' || { echo "sudo apt install python3-numpy python3-pil" >&2; exit 6; }
    python3 -m venv --system-site-packages "$environment"
  else
    python3 -m venv "$environment"
  fi
  "$environment/bin/python" -m pip install -q --no-index --no-deps --disable-pip-version-check "$@"
  touch "$environment/complete"
fi
ln -sfn "../../environments/$name" "$root/versions/$version/environment"
"""

# $2 version or "current", then the words of edgeready-device.
DEVICE = r"""
set -eu
root="$HOME/$1"; version="$2"; shift 2
[ "$version" = current ] || version="versions/$version"
cd "$root/$version"
exec environment/bin/python -m edgeready_device "$@"
"""

# $2 version, $3 how many versions stay. What an interrupted deployment left for an hour goes, too.
ACTIVATE = r"""
set -eu
root="$HOME/$1"
cd "$root"
touch "versions/$2/accepted"
ln -sfn "versions/$2" "current.$2"
mv -T "current.$2" current
count=0
for version in $(ls -1r versions); do
  if [ -e "versions/$version/accepted" ]; then
    count=$((count + 1))
    [ "$count" -le "$3" ] || rm -rf "versions/$version"
  else
    find "versions/$version" -maxdepth 0 -mmin +60 -exec rm -rf {} +
  fi
done
for environment in environments/*; do
  used=no
  for link in versions/*/environment; do [ ! "$link" -ef "$environment" ] || used=yes; done
  [ "$used" = yes ] || find "$environment" -maxdepth 0 -mmin +60 -exec rm -rf {} +
done
"""

# $2 version: removes one that was not accepted.
DISCARD = r"""
set -eu
[ -e "$HOME/$1/versions/$2/accepted" ] || rm -rf "$HOME/$1/versions/$2" "$HOME/$1/incoming.$2"
"""

# Makes the version before the current one current, and prints both.
ROLLBACK = r"""
set -eu
cd "$HOME/$1" 2>/dev/null && [ -L current ] || { echo "nothing is deployed there" >&2; exit 4; }
now=$(basename "$(readlink current)")
before=
for version in $(ls -1 versions); do
  [ "$version" != "$now" ] || break
  [ ! -e "versions/$version/accepted" ] || before="$version"
done
[ -n "$before" ] || { echo "no version before $now is kept there" >&2; exit 4; }
ln -sfn "versions/$before" "current.$before"
mv -T "current.$before" current
echo "edgeready-rollback $now $before"
"""
