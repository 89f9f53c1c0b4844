#!/bin/bash
# counts: instructions, which do not depend on what else a machine does; sourced by scripts/bench.

measure_counts() {
  command -v valgrind >/dev/null || { echo "bench: no instructions are counted without valgrind" >&2; return 0; }
  count "a frame in and out" frame
  count "a webhook with its callback, its VM included" webhook
  count "a VM, built" webhook --toggle-collect=cal_pool_take
  make_templates "$scratch/counted" 200
  count "a start with 200 templates" "start $scratch/counted"
  count "a reload of 200 templates, one of them changed" "reload $scratch/counted"
}

count() { # count WHAT "MODE [FOLDER]" [CALLGRIND'S OPTIONS…]
  local out=$scratch/callgrind times of_all each
  rm -f "$out"*
  times=$(valgrind -q --tool=callgrind --instr-atstart=no --callgrind-out-file="$out" "${@:3}" \
    "$BUILD/bench/bench_counts" $2 2>"$scratch/callgrind.log")
  of_all=$(sed -n 's/^totals: //p' "$out.1" 2>/dev/null)
  if [ -z "$times" ] || [ -z "$of_all" ]; then
    cat "$scratch/callgrind.log" >&2
    printf '%s|%s|-|NO\n' "instructions of $1" "could not be counted" >>"$scratch/new_rows"
    return
  fi
  each=$((of_all / times))
  row "instructions of $1" "$each" - -
  figure "$1" instructions "$each"
}
