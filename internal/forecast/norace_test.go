//go:build !race

package forecast_test

// race says that the tests are slow.
const race = false
