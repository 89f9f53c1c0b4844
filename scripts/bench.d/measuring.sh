#!/bin/bash
# measuring: one run of the load generator, and what counts as a result; sourced by scripts/bench.
#
#   attempt FUNCTION ──► keep, row, figure … ──► no noise: its rows and figures stand
#                   └──── noise: all of it again, three times at most, and then it is left out and said so

load() { # load MODE OPTIONS…: one line of JSON
  local mode=$1
  shift
  local target=(--url "$PUBLIC_BASE_URL" --wire "$wire" --api-port "$API_PORT")
  [ "$mode" != echo ] || target=(--url "ws://127.0.0.1:$ECHO_PORT/")
  "${on_load_core[@]}" "$BUILD/bench/load" "$mode" "${target[@]}" --pid "$server" --core 0 "$@"
}

field() { grep -oE "\"$1\":[^,}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'; } # field NAME <JSON

get() { field "$1" <<<"$got"; }

is() { awk "BEGIN { exit !($1) }" </dev/null 2>/dev/null; } # is "1.5 <= 2"

calculate() { awk "BEGIN { printf \"$1\", $2 }" </dev/null; } # calculate FORMAT EXPRESSION

keep() { # keep LABEL MODE OPTIONS…: measures, keeps the line, leaves it in $got
  got=$(load "${@:2}" --label "$1")
  echo "$got" >>"$runs"
  judge "$1"
}

judge() { # judge LABEL: whether what is in $got is a result
  local why
  why=$(get why)
  [ -z "$why" ] || echo "bench: $1: $why" >&2
  printf '%-42s server %5s %%  load %5s %%  others %5s %%\n' "$1" "$(get server_cpu_percent)" "$(get load_cpu_percent)" \
    "$(get others_percent)" >&2
  [ "$(get void)" != true ] || noise="the load generator took $(get load_cpu_percent) % of its core"
  ! is "$(get others_percent) > $NOISE" || noise="other programs took $(get others_percent) % of the engine's core"
}

attempt() { # attempt FUNCTION ARGUMENTS…
  local try new_rows=$scratch/new_rows new_figures=$scratch/new_figures
  for try in 1 2 3; do
    : >"$new_rows" >"$new_figures"
    noise=
    "$@"
    [ -n "$noise" ] || break
    echo "bench: $*: void, $noise" >&2
  done
  if [ -n "$noise" ]; then
    echo "$*: $noise" >>"$left_out"
  else
    cat "$new_rows" >>"$rows"
    cat "$new_figures" >>"$figures"
  fi
}

# row WHAT MEASURED BUDGET REACHED: one row of the table; REACHED is an expression, or "-" where there is no budget
row() {
  local reached=-
  if [ "$4" != - ]; then if is "$4"; then reached=yes; else reached=NO; fi; fi
  printf '%s|%s|%s|%s\n' "$1" "$2" "$3" "$reached" >>"$scratch/new_rows"
}

# A row of a run in which every call has to succeed.
row_of_calls() {
  row "$@"
  [ "$(get failed)" = 0 ] || sed -i "\$s/|[^|]*\$/|NO: $(get failed) calls failed/" "$scratch/new_rows"
}

# figure NAME KIND VALUE: what --compare compares; KIND is instructions, or ratio: times the bare echo of the same run
figure() { printf '{"name":"%s","kind":"%s","value":%s}\n' "$1" "$2" "$3" >>"$scratch/new_figures"; }

times() { echo "$(get "$1_p50_ms") / $(get "$1_p99_ms") / $(get "$1_p999_ms") / $(get "$1_max_ms") ms"; }
