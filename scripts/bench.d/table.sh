#!/bin/bash
# table: how it is shown, kept and compared; sourced by scripts/bench.

print_table() {
  local what measured budget reached
  echo
  [ -s "$rows" ] || return 0
  printf '%-80s  %-48s  %-40s  %s\n' what measured budget reached
  while IFS='|' read -r what measured budget reached; do
    # printf counts bytes and these words hold a few signs of two and three
    printf '%s%*s  %s%*s  %s%*s  %s\n' "$what" "$(pad "$what" 80)" "" "$measured" "$(pad "$measured" 48)" "" "$budget" \
      "$(pad "$budget" 40)" "" "$reached"
  done <"$rows"
  [ ! -s "$left_out" ] || { echo; sed 's/^/left out: /' "$left_out"; }
}

pad() {
  local LC_ALL=C.UTF-8
  local left=$(($2 - ${#1}))
  echo $((left > 0 ? left : 0))
}

json_text() { sed 's/\\/\\\\/g; s/"/\\"/g' <<<"$1"; }

write_json() {
  local what measured budget reached program comma=
  {
    printf '{"date":"%s","machine":"%s","kernel":"%s","where":"%s","rows":[' "$(date -u +%FT%TZ)" \
      "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores" "$(uname -r)" "$where"
    while IFS='|' read -r what measured budget reached; do
      printf '%s{"what":"%s","measured":"%s","budget":"%s","reached":"%s"}' "$comma" "$(json_text "$what")" \
        "$(json_text "$measured")" "$(json_text "$budget")" "$(json_text "$reached")"
      comma=,
    done <"$rows"
    printf '],"figures":[%s],"runs":[%s],"programs":{' "$(paste -sd , "$figures")" "$(paste -sd , "$runs")"
    comma=
    for program in bench_vm bench_wire bench_audio bench_lab; do
      [ -s "$scratch/$program.txt" ] || continue
      printf '%s"%s":[%s]' "$comma" "$program" "$(sed 's/\\/\\\\/g; s/"/\\"/g; s/^.*$/"&"/' "$scratch/$program.txt" | paste -sd ,)"
      comma=,
    done
    echo '}}'
  } >"$BUILD/bench.json"
}


# ---- comparing

figures_of() { grep -oE '\{"name":"[^"]*","kind":"[a-z]+","value":[0-9.]+\}' "$1" | sed 's/[{}"]//g; s/name:\(.*\),kind:\(.*\),value:/\2|\1|/'; }

# What became dearer since FILE was written: more than 1 % by instructions, more than 15 % in times of the bare echo, which
# is a time and shakes. Fails when something has.
compare() { # compare FILE
  echo
  awk -F '|' '
    FNR == NR { before[$1 "|" $2] = $3; next }
    ($1 "|" $2) in before {
      was = before[$1 "|" $2]
      change = 100 * ($3 / was - 1)
      most = $1 == "instructions" ? 1 : 15
      word = change > most ? "DEARER" : change < -most ? "cheaper" : "the same"
      if (word == "DEARER") dearer = 1
      printf "%-9s %-50s %14s -> %14s %s %+7.1f %%\n", word, $2, was, $3, $1 == "ratio" ? "x echo" : "instr.", change
      seen++
    }
    END { if (!seen) print "nothing in that file can be compared"; exit dearer }
  ' <(figures_of "$1" | sort) <(figures_of "$BUILD/bench.json" | sort)
}
