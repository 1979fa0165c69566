package usage

// Key identifies a billed request within its agent: a 64-bit hash of the id that the agent
// wrote. It is stored, so the function below must never change. With ten million events
// the chance that any two different ids meet is about 3 in a million.
type Key uint64

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// Hash is a running 64-bit FNV-1a hash of a list of fields. Start with NewHash. Each field
// ends with its length, so that ("ab","c") and ("a","bc") differ.
type Hash uint64

// NewHash starts a hash for the kind of thing that is hashed ("message", "row").
func NewHash(kind string) Hash { return Hash(fnvOffset).Text(kind) }

// Text adds a string.
func (h Hash) Text(s string) Hash {
	for i := 0; i < len(s); i++ {
		h = (h ^ Hash(s[i])) * fnvPrime
	}
	return h.Int(int64(len(s)))
}

// Bytes adds bytes; equal to Text of the same bytes.
func (h Hash) Bytes(b []byte) Hash {
	for _, c := range b {
		h = (h ^ Hash(c)) * fnvPrime
	}
	return h.Int(int64(len(b)))
}

// Int adds a number.
func (h Hash) Int(n int64) Hash {
	u := uint64(n)
	for i := 0; i < 8; i++ {
		h = (h ^ Hash(u&0xff)) * fnvPrime
		u >>= 8
	}
	return h
}

// Sum finishes the hash. The finaliser (Stafford's variant 13 of the MurmurHash3 mixer)
// spreads FNV's weak low bits. The result is never zero.
func (h Hash) Sum() uint64 {
	x := uint64(h)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	if x == 0 {
		return 1
	}
	return x
}

// Key finishes the hash as a Key.
func (h Hash) Key() Key { return Key(h.Sum()) }

// RowKey is the key of a counter row of a thread: owner is the thread that the row belongs
// to, row the part that does not depend on the owner (Mark.Row).
func RowKey(owner string, row uint64) Key {
	return NewHash("row").Text(owner).Int(int64(row)).Key()
}
