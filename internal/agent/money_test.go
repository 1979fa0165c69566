package agent

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"tokenmeter/internal/usage"
)

func TestMoney(t *testing.T) {
	for text, want := range map[string]usage.Micros{
		"0": 0, "0.0": 0, "0e9999999999": 0, "1": 1_000_000, "0.1": 100_000, "0.30885275": 308_853, "12.3456785": 12_345_678, "12.3456795": 12_345_680,
		"12.34567850000001": 12_345_679, "1e-5": 10, "5e-7": 0, "15e-7": 2, "5.000000000000000000001e-7": 1, "1.5E+2": 150_000_000, "1e-9999999999": 0,
		"999999999.999999": 999_999_999_999_999, "1e9": 1_000_000_000_000_000, "0.000000000000000000012e15": 12, "100e-2": 1_000_000, "0.00000049999": 0,
		// A float has no room for this one, and for 0.1+0.2 the agent writes this:
		"0.30000000000000004": 300_000, "90071992.547409925": 90_071_992_547_410,
		// Neither of these is money.
		"-1": -1, "-0": -1, "1e10": -1, "1000000000.000001": -1, "1e9999999999999999999999": -1, `"1"`: -1, "null": -1, "true": -1, "{}": -1, "[1]": -1, "": -1,
	} {
		var s Scanner
		s.Reset([]byte(text))
		got, ok := s.Money()
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%s is %d, not %d", text, got, want)
		}
	}
}

func TestMoneyIsExact(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 1))
	for range 200_000 {
		text := fmt.Sprint(random.IntN(3000))
		if random.IntN(4) > 0 {
			text += "." + strings.Repeat("0", random.IntN(8)) + fmt.Sprint(random.Int64N(1<<random.IntN(60)+1)) + []string{"", "5", "50", "4999999999999"}[random.IntN(4)]
		}
		if random.IntN(3) == 0 {
			text += fmt.Sprint("e", random.IntN(20)-14)
		}
		exact, _ := new(big.Rat).SetString(text)
		exact.Mul(exact, big.NewRat(1_000_000, 1))
		var s Scanner
		s.Reset([]byte(text))
		got, ok := s.Money()
		if exact.Cmp(big.NewRat(1_000_000_000_000_000, 1)) > 0 {
			if ok && got != 1_000_000_000_000_000 {
				t.Fatalf("%s is %d", text, got)
			}
			continue
		}
		off := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(int64(got)))
		half := off.Abs(off).Cmp(big.NewRat(1, 2))
		if !ok || half > 0 || half == 0 && got%2 != 0 {
			t.Fatalf("%s is %d, %v", text, got, ok)
		}
	}
}
