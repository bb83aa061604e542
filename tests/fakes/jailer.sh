#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A stand-in for the jailer of Firecracker, for which no root is needed: it changes the directory instead of the root, and the fake VMM takes
# absolute paths from there. Nor does it become the user: the fake looks at what that user could open.
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    --id) id=$2 ;;
    --exec-file) program=$2 ;;
    --chroot-base-dir) base=$2 ;;
    --uid) uid=$2 ;;
    --gid) gid=$2 ;;
    *) echo "jailer: $1: no such option" >&2; exit 153 ;;
  esac
  shift 2
done
[ "$1" = -- ] && shift
case $id in '' | *[!A-Za-z0-9-]*) echo "jailer: Invalid instance ID: $id" >&2; exit 1 ;; esac
real=$(readlink -f "$program") # as it does
root=$base/${real##*/}/$id/root
[ "$uid" = "$gid" ] && [ -x "$program" ] && cd "$root" || { echo "jailer: $root: no such jail" >&2; exit 1; }
exec "$program" --jailed "--uid=$uid" "--id=$id" --start-time-us=1 --start-time-cpu-us=1 "$@"
