#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzzes each target of a build with -Dfuzz=true for some seconds from its corpus: run-all.sh BUILD [SECONDS [NAME]]. The corpus stays as it is.
set -eu
build=$1 seconds=${2:-30} name=${3:-}
corpus=$(dirname "$0")/corpus
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 n=0
for target in "$build"/tests/fuzz/fuzz-*"$name"*; do
  [ -x "$target" ] && [ ! -d "$target" ] || continue
  noun=${target##*/fuzz-}
  mkdir -p "$work/$noun"
  n=$((n + 1))
  if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="./$noun-" -print_final_stats=1 \
      "$work/$noun" "$corpus/$noun" >"$work/log" 2>&1; then
    echo "ok $n - $noun # $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log") runs"
  else
    failed=$((failed + 1))
    echo "not ok $n - $noun"
    tail -n 40 "$work/log" | sed 's/^/# /'
  fi
done
echo "1..$n"
[ $failed = 0 ]
