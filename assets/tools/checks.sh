#!/bin/bash
# The checks behind `make test`, `make lint` and `make fuzz`, which set the environment.
# Every step runs, even after a failed one; a summary with times ends the run.
set -u
cd "$(dirname "$0")/../.." || exit 1

tags=${TEST_TAGS:?run this through make}
summary=()
failed=0

step() { # NAME COMMAND...
  local name=$1 begun=$SECONDS verdict=ok
  shift
  printf '\n== %s\n' "$name"
  "$@" || { verdict=FAILED; failed=1; }
  summary+=("$(printf '%-8s %-34s %4d s' "$verdict" "$name" $((SECONDS - begun)))")
}

formatted() {
  local files
  files=$(gofmt -l app internal)
  [ -z "$files" ] || { echo "Not formatted, run gofmt -w on:"; echo "$files"; return 1; }
}

static_check() {
  go -C assets/tools build -o ../../build/tools/staticcheck honnef.co/go/tools/cmd/staticcheck &&
    build/tools/staticcheck -tags "$tags" ./...
}

scripts() {
  local file
  for file in .ci/run assets/packaging/*.sh assets/tools/*.sh; do bash -n "$file" || return 1; done
}

# The window's main package and the end-to-end test are left out here: they compile OpenGL,
# which would be compiled a second time for the race detector. So are the injected faults,
# which hit the built meter. They have their own steps.
packages() { go list -tags "$tags" ./... | grep -v -x -e tokenmeter/app/window -e tokenmeter/app/endtoend -e tokenmeter/app/fault; }

race() {
  local list
  list=$(packages) || return 1
  # shellcheck disable=SC2086 # the list is meant to be split
  go test -race -timeout 15m -tags "$tags" $list
}

# Each target runs by itself for FUZZTIME, on one core. FUZZ chooses by a part of package or
# name. A package's test is built once with what guides the fuzzing, and used for all of its
# targets. A failing input stays in testdata/fuzz of its package; nothing else stays.
fuzz() {
  local file package binary target
  local -A targets=()
  while IFS=: read -r file target; do
    targets[${file%/*}]+=" ${target#func }"
  done < <(grep -rho --with-filename --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' app internal)
  fuzzing=$(mktemp -d) || return 1
  trap 'rm -rf "$fuzzing"' EXIT
  for package in $(printf '%s\n' "${!targets[@]}" | sort); do
    binary=
    for target in ${targets[$package]}; do
      [[ "$package $target" == *"${FUZZ:-}"* ]] || continue
      if [ -z "$binary" ]; then
        binary=$fuzzing/${package//\//_}.test
        step "build $package" go test -c -tags "$tags" -fuzz . -o "$binary" "./$package" || break
      fi
      fuzz_one "$package" "$target" "$binary"
    done
    rm -f "$binary"
  done
}

fuzz_one() { # PACKAGE TARGET BINARY
  local log=$fuzzing/log verdict=ok begun=$SECONDS executions
  printf '\n== fuzz %s %s\n' "$1" "$2"
  (cd "$1" && "$3" -test.run "^$2\$" -test.fuzz "^$2\$" -test.fuzztime "${FUZZTIME:-20s}" -test.fuzzminimizetime 20x \
    -test.parallel 1 -test.fuzzcachedir "$fuzzing/cache/$1") >"$log" 2>&1 || { verdict=FAILED; failed=1; }
  executions=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$log" | tail -1)
  [ "$verdict" = ok ] && tail -n 2 "$log" | head -n 1 || cat "$log"
  summary+=("$(printf '%-8s %-46s %9d executions %4d s' "$verdict" "${1#internal/} $2" "${executions:-0}" $((SECONDS - begun)))")
}

lint() {
  step "gofmt" formatted
  step "scripts" scripts
  step "go vet" go vet -tags "$tags" ./...
  step "staticcheck" static_check
}

case ${1:-all} in
  lint) lint ;;
  fuzz) fuzz ;;
  all)
    step "build" make --no-print-directory build
    lint
    step "unit, property and race tests" race
    step "window" go test -timeout 5m -tags "$tags" ./app/window
    step "faults, injected" env TOKENMETER_E2E="${TOKENMETER_E2E:-1}" TOKENMETER_BUILD="$PWD/build" \
      go test -count=1 -timeout 15m -tags "$tags" ./app/fault
    step "end to end, on a desktop" env TOKENMETER_E2E="${TOKENMETER_E2E:-1}" TOKENMETER_BUILD="$PWD/build" \
      go test -count=1 -timeout 10m -tags "$tags" ./app/endtoend
    ;;
  *) echo "usage: checks.sh all|lint|fuzz" >&2; exit 2 ;;
esac

printf '\n== summary\n'
printf '%s\n' "${summary[@]}"
printf '%s in %d s\n' "$([ $failed = 0 ] && echo "all passed" || echo "FAILED")" "$SECONDS"
exit $failed
