package assets

import _ "embed"

// Prices is the table of list prices, dated and with their sources. Its own rows are kept by
// hand; those under "base" are written by `make prices` from @pydantic/genai-prices (MIT, see
// prices/LICENSE-genai-prices.txt).
//
//go:embed prices/prices.json
var Prices []byte

// PricesSchema is the JSON schema of Prices.
//
//go:embed prices/prices.schema.json
var PricesSchema []byte
