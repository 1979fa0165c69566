package pricing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tokenmeter/internal/network"
	"tokenmeter/internal/platform"
	"tokenmeter/internal/price"
)

// How a table is fetched.
const (
	stateName   = "prices.state.json"
	fetchWithin = 30 * time.Second
	mostOfState = 4 << 10
)

// Fetch gets what a permission allows; network.Client.Fetch is one.
type Fetch func(context.Context, network.Request) (network.Result, error)

// state is what is known of earlier fetches.
type state struct {
	URL     string    `json:"url"`
	ETag    string    `json:"etag"`
	Attempt time.Time `json:"attempt"`
	Success time.Time `json:"success"`
}

// Refresh fetches the table if the settings permit it and it is time to, and keeps it if it is a good one;
// the one before stays otherwise. changed: another table is in the data folder, so Load
// gives other prices. next is when to ask again, zero = not while these settings hold. seed
// is any number of this installation's own.
func (p *Prices) Refresh(ctx context.Context, dir string, seed uint64, now time.Time, fetch Fetch) (changed bool, next time.Time, err error) {
	permission := network.ForPrices(p.Settings())
	if !permission.Granted() {
		return false, time.Time{}, nil
	}
	path := filepath.Join(dir, stateName)
	s := readState(path)
	if s.URL != p.settings.Prices.URL {
		s = state{URL: p.settings.Prices.URL} // another table altogether
	}
	if _, err := os.Stat(filepath.Join(dir, TableName)); errors.Is(err, fs.ErrNotExist) {
		s.ETag = ""
	}
	if next = network.Next(network.Past{Attempt: s.Attempt, Success: s.Success, Seed: seed}, now); next.After(now) {
		return false, next, nil
	}
	s.Attempt = now
	// Written before, so that a fetch that kills the program is not tried again at once.
	if err := writeState(path, s); err != nil {
		return false, network.Next(network.Past{Attempt: now, Seed: seed}, now), fmt.Errorf("fetch prices: %w", err)
	}
	changed, err = p.take(ctx, dir, permission, &s, fetch)
	if err == nil {
		s.Success = now
		err = writeState(path, s)
	}
	if err != nil {
		err = fmt.Errorf("fetch prices: %w", err)
	}
	return changed, network.Next(network.Past{Attempt: s.Attempt, Success: s.Success, Seed: seed}, now), err
}

// take fetches, checks and keeps a table.
func (p *Prices) take(ctx context.Context, dir string, permission network.Permission, s *state, fetch Fetch) (changed bool, err error) {
	got, err := fetch(ctx, network.Request{
		Permission: permission, Purpose: "prices", ETag: s.ETag, Types: []string{"application/json", "text/plain"},
		Most: price.MaxTableBytes, Within: fetchWithin,
	})
	if err != nil || got.NotModified {
		return false, err
	}
	if _, err := price.Parse(got.Body); err != nil {
		return false, fmt.Errorf("what came is no table of prices: %w", err)
	}
	if err := platform.Replace(filepath.Join(dir, TableName), got.Body); err != nil {
		return false, err
	}
	s.ETag = got.ETag
	return true, nil
}

// readState gives the zero state for what cannot be read: then all is fetched anew.
func readState(path string) (s state) {
	file, err := os.Open(path)
	if err != nil {
		return state{}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, mostOfState))
	if err != nil || json.Unmarshal(content, &s) != nil {
		return state{}
	}
	return s
}

func writeState(path string, s state) error {
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return platform.Replace(path, content)
}
