#!/bin/bash
# code: reloads, specs, and the pieces by themselves; sourced by scripts/bench.

# 200 templates, of which one is saved again and again while calls are up. The engine is asked which code runs until it is
# the new one: from the file's change to the first call it would answer. A reload that was asked for is timed beside it.
measure_reload() { # measure_reload CALLS
  local n=200 i began watched=() asked=() failed=0
  local workspace=$scratch/reload
  make_templates "$workspace" "$n"
  start_engine "$workspace" --watch
  load held --calls "$1" --rate 100 --seconds 12 --settle 2 --abrupt --label "$1 calls during reloads" >"$scratch/during" &
  local loader=$!
  sleep $(($1 / 100 + 3))
  for i in 1 2 3; do
    began=$(digest)
    echo "-- edition $i" >>"$workspace/templates/order_7.lua"
    watched+=("$(until_not "$began")")
    began=$(digest)
    echo "-- edition $i, asked for" >>"$workspace/templates/order_7.lua"
    asked+=("$(curl -s -o "$scratch/report" -w '%{time_total}' -X POST "$PUBLIC_BASE_URL/api/code/reload")")
    [ "$(digest)" != "$began" ] || { echo "bench: a reload changed nothing: $(head -c 300 "$scratch/report")" >&2; failed=1; }
    sleep 1
  done
  wait "$loader"
  got=$(cat "$scratch/during")
  echo "$got" >>"$runs"
  judge "$1 calls during reloads"
  row_of_calls "$1 calls during 6 reloads of $n templates: lateness p50 / p99 / p99.9 / max" "$(times late), $(get dropped) dropped" \
    "none late (p99.9 5 ms)" "$(get late_p999_ms) <= 5 && $(get dropped) + $(get gaps) == 0"
  row_of_calls "reload of $n templates, with $1 calls up: longest of 3" "$(worst "${asked[@]}") ms" "500 ms" \
    "$failed == 0 && $(worst "${asked[@]}") <= 500"
  row_of_calls "a saved file → the next call runs it (150 ms of them quiet time): longest of 3" "$(worst "${watched[@]}") ms" - -
}

# A workspace of so many templates, and those of the calls. It has everything that is watched: where something is missing the
# watcher looks every two seconds instead.
make_templates() { # make_templates FOLDER COUNT
  local i
  rm -rf "$1"
  mkdir -p "$1"/{templates,providers,menus,exchange}
  for i in callisto.lua routing.lua; do echo "return {}" >"$1/$i"; done
  cp tests/bench/workspace/templates/*.lua "$1/templates/"
  for i in $(seq "$2"); do
    sed "s/order-confirmation/order-$i/" templates/order_confirmation.lua >"$1/templates/order_$i.lua"
  done
}

digest() { curl -s "$PUBLIC_BASE_URL/api/code" | field digest; }

until_not() { # until_not DIGEST: seconds until another one runs
  local start=$EPOCHREALTIME
  for _ in $(seq 500); do
    [ "$(digest)" = "$1" ] || break
    sleep 0.01
  done
  awk "BEGIN { print $EPOCHREALTIME - $start }"
}

worst() { printf '%s\n' "$@" | sort -g | tail -n 1 | awk '{ printf "%.0f", $1 * 1000 }'; } # of seconds, in ms

# One call between two engines over simulated time. Its figures are of CPU time, so other programs count little.
measure_specs() { # measure_specs MINUTES
  local line
  "${on_server_core[@]}" "$BUILD/bench/bench_lab" 1 "$1" >"$scratch/bench_lab.txt" ||
    echo "specs: a call of $1 minutes|it broke: see above|-|NO" >>"$scratch/new_rows"
  while read -r line; do
    local speed=${line%% call-minutes/s*} budget=- reached=-
    speed=${speed##* }
    if [ "${line%% *}" = talking ]; then
      budget="1000 call-minutes/s"
      if is "$speed >= 1000"; then reached=yes; else reached=NO; fi
    fi
    printf '%s|%s|%s|%s\n' "specs: a ${line%% *} call of $1 minutes, on one core" "$speed call-minutes/s" "$budget" "$reached" >>"$scratch/new_rows"
  done <"$scratch/bench_lab.txt"
}

# What the pieces cost by themselves: lines of "name   value unit".
measure_pieces() {
  local program line name
  for program in bench_vm bench_wire bench_audio; do
    [ -x "$BUILD/bench/$program" ] || continue
    "${on_server_core[@]}" "$BUILD/bench/$program" >"$scratch/$program.txt" || continue
    while IFS= read -r line; do
      name=${line%%  *}
      case $program:$name in
      bench_vm:?* | bench_wire:inbound* | bench_wire:outbound* | bench_audio:*", default, "* | bench_audio:recorder* | \
        bench_audio:*"8000 to 16000"* | bench_audio:playout*)
          [ "$name" = "$line" ] || piece_row "${program#bench_}: $name" "${line##*  }" ;;
      esac
    done <"$scratch/$program.txt"
  done
}

piece_row() { # piece_row NAME VALUE
  local budget=- reached=-
  case $1 in
  "vm: of those"*) return ;;
  "vm: taking a warm VM") budget="50 us" ;;
  "vm: building a VM"* | "vm: first VM after"*) budget="3000 us" ;;
  esac
  if [ "$budget" != - ]; then if is "${2% *} <= ${budget% *}"; then reached=yes; else reached=NO; fi; fi
  printf '%s|%s|%s|%s\n' "$1" "$2" "$budget" "$reached" >>"$scratch/new_rows"
}
