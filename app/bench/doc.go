// Command bench measures Tokenmeter as design and README promise it: it writes a corpus of
// logs, runs the two programs as they are built for people on it, and looks at them from
// outside, with time, memory and system calls as the kernel counts them. `make bench` builds
// the programs and runs it.
//
// Absolute times are printed and never judged; ratios taken in one run on one machine, sizes
// and counts are. It is no part of what is released.
package main
