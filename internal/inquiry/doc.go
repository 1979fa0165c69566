// Package inquiry asks the agents' vendors for the current allowance, where the settings permit
// that: nothing is asked without network.enabled and the agent's own switch.
//
// It owns when is asked, and what is remembered of that: inquiries.json in the data folder, with
// times and counts and no word of what was asked with or answered. How a vendor is asked is its
// agent's to say, and what goes out goes through network, with an entry in its ledger. It stores
// no sample; who asked it to ask does.
//
// Its manners, which Next has as a pure function: never twice in five minutes; not while nothing
// was used since the last time; more rarely while it fails, up to an hour, or as long as the server
// says; not at all after three refusals of a login until that has become another. A login is read
// for one request and never kept, written or renewed. An answer in which nothing is used at all
// is believed once a second one says the same, for servers say so for a moment after a reset.
//
// A Desk is used by one goroutine at a time. Tested with local servers and programs that
// misbehave, and a clock of the test's own.
package inquiry
