package claude

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/usage"
)

const (
	// address is the only one that ever gets the login. No variable changes it, not even those
	// with which Claude Code itself is led elsewhere.
	address = "https://api.anthropic.com/api/oauth/usage"
	// clientVersion: whoever asks with another name than Claude Code's is turned away for hours.
	clientVersion = "2.1.280"
)

// Inquiry implements agent.Inquirer: Anthropic is asked with the login that Claude Code keeps.
// Where that is in a keychain there is no such file, and nothing is asked.
func (Source) Inquiry(env agent.Env) agent.Inquiry {
	folder := env.Join(env.Home, ".claude")
	if value := strings.TrimSpace(env.Variable("CLAUDE_CONFIG_DIR")); value != "" {
		if folder = env.Absolute(value); !env.Exists(folder) {
			first, _, _ := strings.Cut(value, ",")
			folder = env.Absolute(strings.TrimSpace(first))
		}
	}
	return agent.Inquiry{
		Web: &agent.WebInquiry{
			Address: address,
			Login:   env.Join(folder, ".credentials.json"),
			Headers: headers,
			Answer:  allowanceOf,
		},
		Remedy: "Open Claude Code once, so that it renews its login",
	}
}

// headers makes what is sent along of the login. Its refresh token is not looked at: only
// Claude Code may use that.
func headers(login []byte, now usage.Millis) (map[string]string, error) {
	var file struct {
		Login struct {
			Token   string   `json:"accessToken"`
			Expires float64  `json:"expiresAt"` // milliseconds
			Scopes  []string `json:"scopes"`
		} `json:"claudeAiOauth"`
	}
	const scope = "user:profile"
	err := json.Unmarshal(login, &file)
	switch l := &file.Login; {
	case err != nil:
		// The library's own error may quote from the file.
		return nil, fmt.Errorf("the file of credentials has an unknown form: %w", agent.ErrLogin)
	case l.Token == "":
		return nil, fmt.Errorf("there is no login with a plan: %w", agent.ErrLogin)
	case strings.ContainsFunc(l.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("the login cannot be sent: %w", agent.ErrLogin)
	case l.Expires > 0 && l.Expires <= float64(now):
		return nil, fmt.Errorf("the login has expired: %w", agent.ErrLogin)
	case len(l.Scopes) > 0 && !slices.Contains(l.Scopes, scope):
		return nil, fmt.Errorf("the login may not ask for the allowance: %w", agent.ErrLogin)
	}
	return map[string]string{
		"Authorization":  "Bearer " + file.Login.Token,
		"Anthropic-Beta": "oauth-2025-04-20",
		"User-Agent":     "claude-code/" + clientVersion,
	}, nil
}

// allowanceOf reads the answer.
func allowanceOf(body []byte, now usage.Millis) ([]usage.Sample, error) {
	var s agent.Scanner
	s.Reset(body)
	samples, ok := utilization(&s, now)
	if !ok || !s.End() || agent.Valid(body) != nil {
		return nil, fmt.Errorf("read the allowance: %w", agent.ErrFormat)
	}
	return samples, nil
}
