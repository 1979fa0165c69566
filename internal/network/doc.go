// Package network is the only door out of this machine.
//
// It opens a connection for a Permission and for nothing else, and a Permission is made from
// the settings alone: without network.enabled there is none. What goes out is one GET over https
// to the permitted address, with the program's name and version and no other header that could
// tell one installation from another, unless the request brings some; no cookies. What comes in
// is bounded in size and time, must say that it is of the wanted type, and is taken whole or not
// at all. A redirect leads at most elsewhere on the same host, and nowhere when the request
// brings headers of its own, for they may be a login.
//
// The other way out is a program that itself speaks with its vendor: Converse starts it, talks
// with it in lines within bounds, and leaves nothing of it behind.
//
// Every attempt is in the ledger, network.jsonl in the data folder, before its connection is
// opened: what cannot be written down does not happen. The end of it is added when it is known;
// an attempt without an end is one that was cut short, or runs. The ledger holds host, path
// and purpose, never a query or a header, and is cut to its newer half when it has grown too large.
//
// Next says when to ask again, as a pure function. The clock is handed in; of the environment
// only the proxies are read, by net/http. A Client may be used from any goroutine, and
// several processes may write one ledger. Tested against servers and programs that misbehave.
package network
