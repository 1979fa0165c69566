package codex

import (
	"testing"

	"tokenmeter/internal/agent/agenttest"
	"tokenmeter/internal/agent/agenttest/reference"
)

// names are the places in a line whose text facts may repeat.
var names = []string{
	"payload.id", "payload.session_id", "payload.cwd", "payload.cli_version", "payload.git.branch",
	"payload.forked_from_id", "payload.forkedFromId", "payload.parent_thread_id", "payload.parent_session_id",
	"payload.source.subagent.thread_spawn.parent_thread_id", "payload.history_base.thread_id",
	"payload.model", "payload.model_name", "payload.thread_settings.model", "payload.thread_settings.service_tier",
	"payload.info.model", "payload.info.model_name",
	"payload.rate_limits.limit_id", "payload.rate_limits.plan_type", "payload.rate_limits.rate_limit_reached_type",
}

func TestReader(t *testing.T) {
	agenttest.Run(t, Source{}, agenttest.Cases(t, "testdata"), reference.Codex, agenttest.Options{Names: names})
}

func FuzzReader(f *testing.F) {
	agenttest.Fuzz(f, Source{}, agenttest.Cases(f, "testdata"), reference.Codex)
}

func FuzzMutated(f *testing.F) {
	agenttest.FuzzMutated(f, Source{}, agenttest.Cases(f, "testdata"), reference.Codex)
}
