// Package fault holds the tests that let the machine fail under the built meter: with
// strace, each system call in turn that reads, writes, renames or removes fails with an
// error of the disk or is the moment at which the process is killed. It has nothing but
// tests, and nobody imports it.
//
// home_test.go makes small homes with logs of both agents, state_test.go the states of a
// data folder from which a command starts, strace_test.go lists the calls of a command and
// injects faults into them, check_test.go says what must hold afterwards, connection_test.go
// looks with strace for sockets that lead out of the machine; the rest are the
// tests. Nothing of the project is replaced: real logs, real processes, a real database.
//
// A fault that never came to pass shows nothing, so only those are counted that strace
// says it injected, and a test with too few of them fails.
//
// The tests need Linux and strace, and are skipped without unless CI or TOKENMETER_E2E is
// set: then that is a failure. TOKENMETER_BUILD names the folder with the built meter;
// without it it is built first. `make test` sets both; `make soak` looks for random faults
// as long as SOAK says.
package fault
