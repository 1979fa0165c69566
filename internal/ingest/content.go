package ingest

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"

	"tokenmeter/internal/usage"
)

const (
	compressedSuffix = ".zst"

	// A real log is compressed with a window of a few MB. More is refused, so that a file
	// made to exhaust memory or time does neither.
	windowLimit       = 32 << 20
	decompressedLimit = 4 << 30

	tailLength = 1024
)

// errIncomplete means that a compressed log ends in the middle or is over a limit. What
// could be unpacked has been read.
var errIncomplete = errors.New("the compressed log is incomplete")

// incompleteTail stands for the tail of such a log, to know it again.
var incompleteTail = []byte("incomplete")

// plainContent reads a log from the cursor to the end that it had when it was looked at,
// and counts the bytes.
type plainContent struct {
	file *os.File
	left int64
	done *atomic.Int64
}

func (c *plainContent) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.file.Read(p)
	c.left -= int64(n)
	c.done.Add(int64(n))
	return n, err
}

// SkipHole implements agent.Sparse.
func (c *plainContent) SkipHole() int64 {
	at, err := c.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	n := min(max(nextData(c.file, at)-at, 0), c.left)
	if _, err := c.file.Seek(at+n, io.SeekStart); err != nil {
		return 0 // the next read fails as well
	}
	c.left -= n
	c.done.Add(n)
	return n
}

// packedContent unpacks a compressed log. It ends where the file ends, complete or not, so
// that the lines before are kept; incomplete tells which.
type packedContent struct {
	decoder    *zstd.Decoder
	left       int64
	incomplete bool
}

func (c *packedContent) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.incomplete = true
		return 0, io.EOF
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.decoder.Read(p)
	c.left -= int64(n)
	var path *os.PathError
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err
	case errors.As(err, &path): // the disk, not the content
		return n, err
	}
	c.incomplete = true
	return n, io.EOF
}

// unpacker is one reading goroutine's decoder, made when the first compressed log comes.
type unpacker struct{ decoder *zstd.Decoder }

// open starts on a compressed file; the content is valid until the next open.
func (u *unpacker) open(file io.Reader) (*packedContent, error) {
	if u.decoder == nil {
		decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(windowLimit))
		if err != nil {
			return nil, err
		}
		u.decoder = decoder
	}
	if err := u.decoder.Reset(file); err != nil {
		return nil, err
	}
	return &packedContent{decoder: u.decoder, left: decompressedLimit}, nil
}

func (u *unpacker) close() {
	if u.decoder != nil {
		u.decoder.Close()
	}
}

func isCompressed(name string) bool { return strings.HasSuffix(name, compressedSuffix) }

// tailOf hashes the last bytes before offset: if they are other bytes one day, the file is
// another one. Nil if there are none or they cannot be read.
func tailOf(file io.ReaderAt, offset int64) []byte {
	var buffer [tailLength]byte
	tail := buffer[:min(tailLength, offset)]
	if len(tail) == 0 {
		return nil
	}
	if n, _ := file.ReadAt(tail, offset-int64(len(tail))); n < len(tail) {
		return nil
	}
	return binary.BigEndian.AppendUint64(nil, usage.NewHash("tail").Bytes(tail).Sum())
}
