#!/bin/bash
# servers: what is measured, started and stopped; sourced by scripts/bench.

stop_server() {
  [ -n "$server" ] || return 0
  kill -9 "$server" 2>/dev/null
  wait "$server" 2>/dev/null
  server=
}

# A control group of its own, where the system lets us.
own_group=/sys/fs/cgroup/cpu/callisto-bench

join_own_group() {
  { mkdir -p "$own_group" && echo 262144 >"$own_group/cpu.shares" && echo "$server" >"$own_group/cgroup.procs"; } 2>/dev/null
}

leave_own_group() { [ ! -d "$own_group" ] || rmdir "$own_group"; }

# The highest weight there is for what is measured, with the differences among its threads kept: other programs on the machine
# count little.
favour_server() {
  { echo -20 >"/proc/$server/autogroup"; } 2>/dev/null
  [ "$(cat /proc/sys/kernel/sched_autogroup_enabled 2>/dev/null)" != 1 ] || return 0
  ! join_own_group || return 0
  local thread
  for thread in /proc/"$server"/task/*; do
    renice -n $(($(awk '{ print $19 }' "$thread/stat") - 20)) -p "${thread##*/}" >/dev/null 2>&1
  done
}

start_server() { # start_server PORT COMMAND…
  local port=$1 i
  shift
  stop_server
  setsid "${on_server_core[@]}" "$@" >"$scratch/server.log" 2>&1 &
  server=$!
  for i in $(seq 100); do
    sleep 0.05
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  done
  favour_server
  if [ "$i" = 100 ]; then
    cat "$scratch/server.log" >&2
    echo "bench: $1 does not listen on port $port" >&2
    exit 1
  fi
}

wire=twilio

# Which carrier's socket is played from now on. Only Twilio's webhooks are signed here; of another's the engine does not ask it.
play() { # play WIRE CARRIER FORMAT
  wire=$1
  : >"$account"
  [ "$wire" != twilio ] || return 0
  "$BUILD/callisto" lua scripts/account.lua "$2" >"$account" || exit 1
  echo "export ENFORCE_TELEPHONY_WEBHOOK_SIGNATURES=false ${2^^}_MAX_CONCURRENT=20000 ${2^^}_API_BASE=$TWILIO_API_BASE" >>"$account"
  [ "$3" = - ] || echo "export ${2^^}_AUDIO=$3" >>"$account"
}

# A fresh engine with an empty store; one call has been through it, so its sentences are in the cache.
start_engine() { # start_engine [WORKSPACE [OPTIONS…]]
  stop_server
  rm -rf "$scratch/data"
  mkdir "$scratch/data"
  start_server "$PORT" bash -c '. "$0"; exec "$@"' "$account" "$BUILD/callisto" serve --host 127.0.0.1 --port "$PORT" --data "$scratch/data" --workspace "${1:-tests/bench/workspace}" \
    --io-threads 1 --script-threads 1 --log-level warn "${@:2}"
  load held --agent held --calls 1 --settle 1.5 --seconds 0.5 --abrupt >/dev/null
}
