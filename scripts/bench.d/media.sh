#!/bin/bash
# media: what frames cost and how late they are; sourced by scripts/bench.

declare -A lws epoll

# All calls are to come up, however long a core takes for it.
patient=(--arrival-wait-ms 60000)

measure_echo() { # measure_echo lws|epoll N
  local n=$2
  start_server "$ECHO_PORT" "$BUILD/bench/echo_$1" "$ECHO_PORT"
  keep "bare $1 echo, $n connections" echo --calls "$n" --rate 2000 --seconds "$seconds"
  local -n into=$1
  into[$n]=$(get server_us_per_frame)
  row_of_calls "bare $1 echo, $n connections: CPU of a frame in and out" "${into[$n]} µs" - -
}

measure_held() { # measure_held AGENT NOTE N
  local n=$3 us ramp
  start_engine tests/bench/workspace "${patient[@]}"
  ramp=$((n < 250 ? 50 : 200)) # new calls a second
  keep "$n calls$2" held --agent "$1" --calls "$n" --rate "$ramp" --seconds "$seconds" --settle 1.5 --abrupt
  us=$(get server_us_per_frame)
  row_of_calls "$n calls$2: CPU of a frame in and out" "$us µs, $(get server_cpu_percent) % of a core" \
    "1.4 × lws (${lws[$n]:-?}), 2 × epoll (${epoll[$n]:-?})" \
    "$us <= 1.4 * ${lws[$n]:-0} && $us <= 2 * ${epoll[$n]:-0}"
  [ -z "${lws[$n]:-}" ] || figure "a frame, $n calls$2" ratio "$(calculate %.3f "$us / ${lws[$n]}")"
  row_counters "$n calls$2"
  row_of_calls "$n calls$2: memory of a call, its VM included" \
    "$(calculate "%.0f KiB" "($(get server_pss_kb) - $(get server_pss_before_kb)) / $n")" "320 KiB" \
    "($(get server_pss_kb) - $(get server_pss_before_kb)) / $n <= 320"
  row_of_calls "$n calls$2: lateness p50 / p99 / p99.9 / max" "$(times late)" "p99.9 5 ms" \
    "$(get late_p999_ms) <= 5 && $(get dropped) == 0 && $(get gaps) == 0"
  [ "$n$2" != 100 ] || row_of_calls "stream start → first greeting frame, p50 / p95 / p99" \
    "$(get first_frame_p50_ms) / $(get first_frame_p95_ms) / $(get first_frame_p99_ms) ms" "p95 20 ms" "$(get first_frame_p95_ms) <= 20"
}

# Where the processor counts for us; many virtual machines' do not.
row_counters() { # row_counters LABEL
  [ -n "$(get server_instructions_per_frame)" ] || return 0
  row_of_calls "$1: instructions and cache misses of a frame" \
    "$(get server_instructions_per_frame), $(get server_misses_per_frame)" - -
}

# The same calls over TLS, and a handshake for each request and socket.
measure_tls() { # measure_tls N
  local n=$1 key=$scratch/key.pem certificate=$scratch/certificate.pem plain=$PUBLIC_BASE_URL
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$key" -out "$certificate" -days 2 \
    -subj /CN=127.0.0.1 2>/dev/null || return 0
  export PUBLIC_BASE_URL=${plain/http:/https:}
  start_engine tests/bench/workspace --tls-cert "$certificate" --tls-key "$key"
  keep "$n calls, TLS" held --calls "$n" --rate 50 --seconds "$seconds" --settle 1.5 --abrupt
  export PUBLIC_BASE_URL=$plain
  local most
  most=$(calculate %.0f "$n * 100 / $(get server_cpu_percent)")
  row_of_calls "$n calls over TLS: CPU of a frame; lateness p99.9" \
    "$(get server_us_per_frame) µs, by that alone $most calls a core; $(get late_p999_ms) ms" "800 calls, p99.9 5 ms" \
    "$most >= 800 && $(get late_p999_ms) <= 5 && $(get dropped) + $(get gaps) == 0"
  row_counters "$n calls over TLS"
}

measure_most() { # measure_most N: how many calls one core holds
  start_engine tests/bench/workspace "${patient[@]}"
  keep "$1 calls" held --calls "$1" --rate 200 --seconds "$seconds" --settle 1.5 --abrupt
  row_of_calls "$1 calls on one core: lateness p50 / p99 / p99.9 / max" "$(times late), $(get server_cpu_percent) % of a core" "p99.9 5 ms" \
    "$(get late_p999_ms) <= 5 && $(get dropped) == 0 && $(get gaps) == 0 && $(get up) == $1"
}

# Every carrier's messages. A frame is 20 ms of sound each way, however many of them a message holds. How many calls a core
# would hold is worked out from the CPU of these, not tried.
measure_wires() { # measure_wires CALLS [WIRE…]: all when none is named
  local n=$1 each list
  shift
  mapfile -t list < <("$BUILD/bench/load" wires)
  for each in "${list[@]}"; do
    [ $# = 0 ] || [[ " $* " = *" ${each%% *} "* ]] || continue
    attempt measure_wire "$n" $each
  done
}

measure_wire() { # measure_wire CALLS WIRE CARRIER FORMAT
  local n=$1 most
  play "$2" "$3" "$4"
  start_engine tests/bench/workspace "${patient[@]}"
  keep "$n calls, wire $2" held --agent held --calls "$n" --rate 200 --seconds 3 --settle 1 --abrupt
  play twilio twilio -
  most=$(calculate %.0f "$n * 100 / $(get server_cpu_percent)")
  row_of_calls "wire $2, $n calls: CPU of a frame in and out; lateness p99.9" \
    "$(get server_us_per_frame) µs, by that alone $most calls a core; $(get late_p999_ms) ms" "1500 calls, p99.9 5 ms" \
    "$most >= 1500 && $(get late_p999_ms) <= 5 && $(get dropped) + $(get gaps) + $(get malformed) == 0 && $(get up) == $n && $(
    get received_per_s) >= 0.98 * $(get sent_per_s)"
}

# Twenty scripts a second that never end and may use 50 ms each: one core's worth of them, all the time. Or ten that take
# memory.
measure_disturbed() { # measure_disturbed N AGENT RATE WHAT
  start_engine tests/bench/workspace "${patient[@]}"
  keep "$1 calls, scripts that $4" held --calls "$1" --rate 200 --seconds "$seconds" --settle 2 --abrupt --disturb "$2=$3"
  row_of_calls "$1 calls while another call's script $4: lateness p50 / p99 / p99.9 / max" "$(times late), $(get dropped) dropped" \
    "p99.9 5 ms, none dropped" "$(get late_p999_ms) <= 5 && $(get dropped) == 0 && $(get gaps) == 0"
}

# Calls beside connections that have asked once and say nothing more.
measure_idle() { # measure_idle CONNECTIONS
  local n=$1 before line kept=yes
  start_engine
  before=$(pss)
  coproc idle { "${on_load_core[@]}" "$BUILD/bench/idle" "$PORT" "$n"; }
  local holder=$idle_PID to_holder=${idle[1]}
  read -r -t 60 line <&"${idle[0]}" || line="none"
  local each
  each=$(calculate "%.1f" "($(pss) - $before) / $n")
  keep "100 calls beside $n idle connections" held --calls 100 --rate 50 --seconds "$seconds" --settle 1.5 --abrupt
  eval "exec $to_holder>&-"
  wait "$holder" || kept=no
  row_of_calls "$n idle connections: memory of one" "$each KiB" - -
  row_of_calls "100 calls beside $n idle connections: lateness p50 / p99 / p99.9 / max" \
    "$(times late), $(get dropped) dropped; all held: $kept" "p99.9 5 ms, all held" \
    "$(get late_p999_ms) <= 5 && $(get dropped) + $(get gaps) == 0 && \"$line\" == \"idle $n\" && \"$kept\" == \"yes\""
}

pss() { awk '/^Pss:/ { print $2 }' "/proc/$server/smaps_rollup"; } # of the engine, in KiB
