package settings

// explained is a new file.
const explained = `# What you have chosen in Tokenmeter. It may be changed here or in the window; comments and
# anything that Tokenmeter does not know stay as they are.
version = 1

# false: Tokenmeter opens no connection and starts no program that would, whatever else is
# chosen here. Each one that it does open is listed in network.jsonl beside this file.
[network]
enabled = false

# The current allowance, asked of the vendor while you use the agent, at most every five
# minutes. Codex is asked through its own program, which keeps its login for itself
# (program = "/path/to/codex" if it is not on PATH). Claude is asked with the login of Claude
# Code, which is read each time, sent to api.anthropic.com alone, and never stored.
# [network.codex]
# enabled = true
# [network.claude]
# enabled = true

[prices]
# true: fetch new prices once a day, while network.enabled is true.
refresh = false
# Where from; https only.
# url = "https://example.org/prices.json"

# A price of your own, in US dollars for a million tokens, replaces the listed one.
# [[prices.override]]
# model = "my-model"
# from = 2026-01-01         # first day, in UTC; leave out = ever
# until = 2026-12-31        # last day; leave out = open
# input = 3
# output = 15
# cache_read = 0.3
# cache_write_5m = 3.75
# cache_write_1h = 6
# free = true               # only if a zero is meant
# note = "our contract"

# A name in the logs that costs what a listed model costs.
[prices.map]
# "my-model" = "claude-opus-4-8"

# What amounts are shown in; they are stored in US dollars. The rate is units for a dollar.
# fetched = true takes a newer rate along with new prices, if there is one.
[currency]
code = "USD"
rate = "1"
fetched = false
`
