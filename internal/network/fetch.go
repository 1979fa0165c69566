package network

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tokenmeter/internal/settings"
)

const (
	mostRedirects = 3
	mostOfHeaders = 64 << 10
	longestETag   = 512
	longestWait   = 24 * time.Hour
)

// ErrNotPermitted is returned for a Permission that permits nothing.
var ErrNotPermitted = errors.New("open a connection: the settings do not allow it")

// Permission permits one address to be fetched, or one program to be spoken with. Its zero value
// permits nothing, and only ForPrices and ForAllowance make another.
type Permission struct {
	target string
}

// ForPrices is the permission to fetch prices that the settings give, the zero one if they
// give none.
func ForPrices(s *settings.Settings) Permission {
	if !s.Network.Enabled || !s.Prices.Refresh {
		return Permission{}
	}
	return Permission{s.Prices.URL}
}

// ForAllowance is the permission that the settings give to ask an agent's vendor for the current
// allowance, at this https address or through the program at this path, the zero one if they
// give none.
func ForAllowance(s *settings.Settings, agent, target string) Permission {
	if !s.Network.Enabled || !s.Network.Inquiries[agent].Enabled {
		return Permission{}
	}
	return Permission{target}
}

// Granted says whether anything is permitted.
func (p Permission) Granted() bool { return p.target != "" }

// Options are what a Client needs.
type Options struct {
	Version string // of the program
	Ledger  string // path of the ledger, whose folder must exist
	Now     func() time.Time

	// For tests alone; both are out of reach for other packages.
	plain bool           // allow http
	roots *x509.CertPool // instead of the system's
}

// Client fetches.
type Client struct {
	options Options
	ledger  *ledger
	http    *http.Client
}

// New makes a client. It opens nothing and writes nothing.
func New(options Options) (*Client, error) {
	if options.Now == nil || options.Ledger == "" || options.Version == "" {
		return nil, errors.New("make network client: version, ledger and clock must be given")
	}
	return &Client{
		options: options,
		ledger:  &ledger{path: options.Ledger},
		http: &http.Client{
			Transport: &http.Transport{
				// Those that HTTPS_PROXY and NO_PROXY name, read by net/http itself: to have
				// them handed in would take a second copy of its tables of names.
				Proxy: http.ProxyFromEnvironment,
				// A connection serves one request, so that none stays open.
				DisableKeepAlives: true,
				// Without this a small answer could unpack to a huge one.
				DisableCompression:     true,
				MaxResponseHeaderBytes: mostOfHeaders,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: options.roots},
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Request is what to fetch.
type Request struct {
	Permission Permission
	Purpose    string        // for the ledger: "prices"
	ETag       string        // of what is there already, "" = nothing
	Types      []string      // media types that are taken, such as application/json
	Most       int64         // bytes of the body
	Within     time.Duration // for all of it
	// Headers are sent besides the usual ones, or in their place. With any, no redirect is
	// followed: they may hold a login, which only the permitted host may see.
	Headers map[string]string
}

// StatusError says that the server's answer is not the one that was asked for.
type StatusError struct {
	Code  int
	Retry time.Duration // how long the server wants to be left alone, at most a day; 0 = not stated
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.Code, http.StatusText(e.Code))
}

// Result is what came.
type Result struct {
	NotModified bool   // what the ETag names is still right; there is no Body
	Body        []byte // not empty otherwise
	ETag        string // to ask with next time, "" = none
}

// Fetch gets the permitted address. Its errors say what is wrong in words for a person;
// ErrNotPermitted is one. Any redirect within the host is an attempt of its own in the ledger.
func (c *Client) Fetch(ctx context.Context, r Request) (Result, error) {
	if !r.Permission.Granted() {
		return Result{}, ErrNotPermitted
	}
	fail := func(err error) (Result, error) { return Result{}, fmt.Errorf("fetch %s: %w", r.Purpose, err) }
	if r.Most <= 0 || r.Within <= 0 || len(r.Types) == 0 || r.Purpose == "" {
		return fail(errors.New("purpose, types and limits must be given"))
	}
	address, err := url.Parse(r.Permission.target)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.Within)
	defer cancel()
	for range mostRedirects + 1 {
		if address.Scheme != "https" && !(c.options.plain && address.Scheme == "http") {
			return fail(errors.New("the address is not https"))
		}
		result, next, err := c.attempt(ctx, address, r)
		if err != nil {
			return fail(err)
		}
		if next == nil {
			return result, nil
		}
		address = next
	}
	return fail(fmt.Errorf("the server redirects more than %d times", mostRedirects))
}

// attempt makes one request, with its entry in the ledger. It gives an answer, or the address
// to try instead.
func (c *Client) attempt(ctx context.Context, address *url.URL, r Request) (result Result, next *url.URL, err error) {
	begun := c.options.Now()
	id, err := c.ledger.begin(begun, address.Host, address.EscapedPath(), r.Purpose)
	if err != nil {
		return Result{}, nil, fmt.Errorf("write the network ledger, without which nothing is sent: %w", err)
	}
	var size int64
	defer func() {
		outcome := "ok"
		switch {
		case err != nil:
			outcome = "failed: " + err.Error()
		case next != nil:
			outcome = "redirected to " + next.EscapedPath()
		case result.NotModified:
			outcome = "not modified"
		}
		if wrote := c.ledger.end(id, begun, c.options.Now().Sub(begun), size, 0, outcome); wrote != nil && err == nil {
			result, next, err = Result{}, nil, fmt.Errorf("write the network ledger: %w", wrote)
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return Result{}, nil, err
	}
	request.Header.Set("User-Agent", "tokenmeter/"+c.options.Version)
	request.Header.Set("Accept", strings.Join(r.Types, ", "))
	if r.ETag != "" {
		request.Header.Set("If-None-Match", r.ETag)
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Result{}, nil, c.inWords(ctx, err, r)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotModified:
		if r.ETag == "" {
			return Result{}, nil, errors.New("the server says that nothing is new, but was not asked that")
		}
		return Result{NotModified: true, ETag: r.ETag}, nil, nil
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		if len(r.Headers) > 0 {
			return Result{}, nil, &StatusError{Code: response.StatusCode}
		}
		next, err := response.Location()
		if err != nil {
			return Result{}, nil, errors.New("the server redirects to nowhere")
		}
		if next.Host != address.Host || next.Scheme != address.Scheme || next.User != nil {
			return Result{}, nil, fmt.Errorf("the server redirects to %s, which the settings do not name", &url.URL{Scheme: next.Scheme, Host: next.Host})
		}
		return Result{}, next, nil
	default:
		return Result{}, nil, &StatusError{response.StatusCode, retryAfter(response.Header.Get("Retry-After"), c.options.Now())}
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return Result{}, nil, fmt.Errorf("the answer is packed as %.40q, which was not asked for", encoding)
	}
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(r.Types, kind) {
		return Result{}, nil, fmt.Errorf("the answer is of type %.80q, not %s", response.Header.Get("Content-Type"), strings.Join(r.Types, " or "))
	}
	tooLarge := fmt.Errorf("the answer is larger than %d bytes", r.Most)
	if response.ContentLength > r.Most {
		return Result{}, nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, r.Most+1))
	size = int64(len(body))
	switch {
	case err != nil:
		return Result{}, nil, c.inWords(ctx, err, r)
	case size > r.Most:
		return Result{}, nil, tooLarge
	case size == 0:
		return Result{}, nil, errors.New("the answer is empty")
	}
	tag := response.Header.Get("ETag")
	if len(tag) > longestETag {
		tag = ""
	}
	return Result{Body: body, ETag: tag}, nil, nil
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(text string, now time.Time) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(strings.TrimSpace(text), 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestWait)
}

// inWords takes the address, which may hold a query, out of an error, and says what ran out.
func (c *Client) inWords(ctx context.Context, err error, r Request) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("no whole answer within %s: %w", r.Within, context.DeadlineExceeded)
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the answer was cut off: %w", err)
	}
	return err
}
