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

fuzz() {
  local package target
  for package in $(packages); do
    for target in $(go test -tags "$tags" -list '^Fuzz' "$package" | grep '^Fuzz'); do
      step "fuzz ${package#tokenmeter/} $target" go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}" "$package"
    done
  done
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
