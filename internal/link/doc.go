// Package link is the line between the meter, the window and the terminal: a Unix socket of
// mode 0600 in a folder of mode 0700, one JSON object a line, at most MaxLine bytes.
//
// What is said:
//
//	to the meter    subscribe  the window is here (Pid, Build); from then on it is told everything below
//	                open       show the window at Page, starting it if need be; answered by done or failed (Text)
//	                quit       end both programs; the meter closes the connection when it has ended
//	                ping       answered by pong (Pid, Build, Headless)
//	                catchup    store what was written so far; answered by done once that is so, or after a second
//	from the meter  changed    the stored data or Meter (a report.Meter) changed
//	                show       come up, at Page if it is not empty
//	                toggle     come up, or hide if shown
//	                hide       hide
//	                quit       end
//
// It owns the socket and the framing. It never knows what a message means, apart from
// subscribe, and never waits for a peer: what a slow peer has not taken yet is replaced by
// what is newer (changed), or the peer is dropped (a long queue of anything else). Bad input
// ends the connection it came from and nothing else.
//
// Server and Conn may be used from any goroutine; Receive from one at a time. Serve calls its
// handler on the goroutine of each connection. Tested by link_test.go with real sockets.
package link
