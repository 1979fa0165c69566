package claude

import (
	"testing"
	"time"

	"tokenmeter/internal/agent"
	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/agent/agenttest/reference"
)

// names are the places in a line whose text facts may repeat.
var names = []string{
	"sessionId", "requestSessionId", "cwd", "gitBranch", "version",
	"message.model", "data.message.message.model",
	"message.usage.speed", "message.usage.service_tier", "message.usage.inference_geo",
	"message.usage.iterations[].model",
}

// source has no zone of its own: what the tests expect must not hang on the machine's.
var source = Source{Zone: func() *time.Location { return time.FixedZone("here", 2*60*60) }}

func TestReader(t *testing.T) {
	agenttest.Run(t, source, agenttest.Cases(t, "testdata"), reference.Claude, agenttest.Options{
		Names:       names,
		Independent: true,
	})
}

func FuzzReader(f *testing.F) {
	agenttest.Fuzz(f, source, agenttest.Cases(f, "testdata"), reference.Claude)
}

func FuzzMutated(f *testing.F) {
	agenttest.FuzzMutated(f, source, agenttest.Cases(f, "testdata"), reference.Claude)
}

// TestAllowance reads what tells of the allowance and of no requests.
func TestAllowance(t *testing.T) {
	only := struct{ agent.Source }{source} // what it simulates is another test's matter
	agenttest.Run(t, only, agenttest.Cases(t, "testdata/allowance"), nil, agenttest.Options{
		Names: []string{
			"oauthAccount.organizationRateLimitTier", "model_scoped[].name",
			"cachedUsageUtilization.utilization.limits[].scope.model.display_name",
			"cachedUsageUtilization.utilization.limits[].scope.surface",
		},
		Independent: true,
	})
}
