#!/bin/bash
# webhooks: answer documents, as many as a core can give and more; sourced by scripts/bench.

# The calls of the first part fill pools and caches; what the second part adds is growth.
measure_webhooks() { # measure_webhooks CALLS
  local rate=200 first=$((seconds))
  start_engine
  keep "webhooks, $rate a second" webhook --rate $rate --settle "$first" --seconds "$(($1 / rate - first))"
  row_of_calls "webhook → answer document at $rate requests/s, p50 / p99 / max" \
    "$(get answer_p50_ms) / $(get answer_p99_ms) / $(get answer_max_ms) ms, $(get failed) failed" "p99 5 ms" \
    "$(get answer_p99_ms) <= 5 && $(get failed) == 0"
  local of_one="($(get server_cpu_percent) * 1e4 * $(get seconds)) / ($(get answer_count))"
  row_of_calls "CPU of a webhook that becomes a call, with its callback" "$(calculate "%.2f ms" "$of_one / 1e3")" - -
  [ -z "${lws[100]:-}" ] || figure "a webhook with its callback" ratio "$(calculate %.1f "$of_one / ${lws[100]}")"
  row_of_calls "memory after $1 calls in sequence" \
    "$(calculate "%+.1f MiB over the last $(($1 - first * rate))" "($(get server_pss_kb) - $(get server_pss_begin_kb)) / 1024")" \
    "flat (2 MiB)" "$(get server_pss_kb) - $(get server_pss_begin_kb) <= 2048"
}


# ---- overload

# The most webhooks a second of which nearly all are answered at once. Left in $knee.
find_knee() {
  local rate=60
  knee=0
  start_engine
  while :; do
    keep "webhooks, $rate a second, looking for the knee" flood --steps "$rate:4"
    is "$(get good_1_per_s) >= 0.97 * $rate && $(get answer_1_p99_ms) <= 250" || break
    knee=$rate
    rate=$((rate * 5 / 4))
  done
}

# A third of the knee, FACTOR times the knee for 15 s, a third of it again, while calls are up and health is asked for.
measure_overload() { # measure_overload FACTOR
  local high=$((knee * $1)) low=$((knee / 3)) live_calls=20 live flood what
  [ "$knee" -gt 0 ] || return 0
  start_engine
  "${on_load_core[@]}" "$BUILD/bench/load" held --url "$PUBLIC_BASE_URL" --calls $live_calls --rate 20 --settle 1 --seconds 36 \
    --abrupt --label "$live_calls calls beside $1 × the knee" >"$scratch/live" &
  live=$!
  sleep 2.5
  keep "$1 × the knee ($high/s)" flood --steps "$low:5,$high:15,$low:20"
  flood=$got
  wait "$live"
  got=$(cat "$scratch/live")
  echo "$got" >>"$runs"
  what="$1 × the knee ($knee webhooks/s) for 15 s"
  row "$what: $live_calls live calls, lateness p50 / p99 / p99.9 / max" \
    "$(times late), $(get gaps) gaps, $(get dropped) dropped" "no gap, none dropped" "$(get gaps) + $(get dropped) == 0"
  got=$flood
  rows_of_overload "$what" "$high"
}

rows_of_overload() { # rows_of_overload WHAT RATE
  row "$1: goodput" "$(get good_2_per_s)/s, $(calculate %.0f "100 * $(get good_2_per_s) / $knee") % of the knee's" "90 %" \
    "$(get good_2_per_s) >= 0.9 * $knee"
  row "$1: refused / lost; answered well, p99" \
    "$(get refused_2) / $(get lost_2) of $(get asked_2); $(get answer_2_p99_ms) ms" "none lost" "$(get lost_2) == 0"
  row "$1: back to normal after" "$(get recovery_s) s" "2 s" "$(get recovery_s) <= 2"
  row "$1: status callbacks taken / repeated / lost" "$(get told) / $(get told_again) / $(get untold)" "none lost" \
    "$(get untold) == 0"
  row "$1: /healthz, not answered in a second; longest" \
    "$(get health_failed) of $(get health_asked); $(get health_max_ms) ms" "always" "$(get health_failed) == 0"
  row "$1: memory before / peak / after" \
    "$(calculate %.0f "$(get server_pss_before_kb) / 1024") / $(calculate %.0f "$(get pss_peak_kb) / 1024") / $(
    calculate %.0f "$(get pss_end_kb) / 1024") MiB" - -
}
