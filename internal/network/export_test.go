package network

import "crypto/x509"

// Permit makes a permission for a server of a test.
func Permit(address string) Permission { return Permission{target: address} }

// Plain is options with which http is allowed.
func Plain(o Options) Options { o.plain = true; return o }

// Trusting is options with which these authorities are trusted.
func Trusting(o Options, roots *x509.CertPool) Options { o.roots = roots; return o }

// LargestLedger is what a ledger may hold, in bytes.
const LargestLedger = largestLedger

// Begin and End write a ledger as a client does.
func Begin(path string, e Entry) (string, error) {
	l := ledger{path: path}
	return l.begin(e.Time, e.Host, e.Path, e.Purpose)
}

// End see Begin.
func End(path, id string, e Entry) error {
	l := ledger{path: path}
	return l.end(id, e.Time, e.Duration, e.Bytes, e.Sent, e.Outcome)
}
