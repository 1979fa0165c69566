package ingest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// FuzzPacked unpacks any bytes as a compressed log, and any bytes after they were packed, cut
// anywhere: what comes out is the beginning of what went in, all of it if nothing was cut.
func FuzzPacked(f *testing.F) {
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	plain := []byte(strings.Repeat(`{"type":"event_msg"}`+"\n", 50))
	f.Add(plain, uint16(0))
	f.Add(plain, uint16(9))
	f.Add(encoder.EncodeAll(plain, nil), uint16(3))
	f.Add([]byte("\x28\xb5\x2f\xfd\x04\x88\xff\xff\xff\xff"), uint16(1)) // a window of gigabytes
	f.Add([]byte("\x50\x2a\x4d\x18\x04\x00\x00\x00skip"), uint16(0))
	u := &unpacker{}
	f.Cleanup(u.close)
	unpack := func(t *testing.T, packed []byte) (plain []byte, incomplete bool) {
		content, err := u.open(bytes.NewReader(packed))
		if err != nil {
			return nil, true
		}
		content.left = 1 << 20
		plain, err = io.ReadAll(content)
		if err != nil || len(plain) > 1<<20 {
			t.Fatalf("%d bytes, %v", len(plain), err)
		}
		return plain, content.incomplete
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint16) {
		unpack(t, data)
		packed := encoder.EncodeAll(data, nil)
		whole, incomplete := unpack(t, packed)
		if !bytes.Equal(whole, data) || incomplete && len(data) < 1<<20 {
			t.Fatalf("%d bytes packed, %d unpacked, incomplete: %v", len(data), len(whole), incomplete)
		}
		if len(packed) == 0 {
			return
		}
		short, incomplete := unpack(t, packed[:len(packed)-1-int(cut)%len(packed)])
		if !bytes.HasPrefix(data, short) || len(short) == len(data) && len(data) > 0 && !incomplete {
			t.Fatalf("cut, it gives %q of %q, incomplete: %v", short, data, incomplete)
		}
	})
}

// FuzzProject writes any .git file and commondir file: the answer is a clean absolute path,
// the folder itself where they make no sense, and the main repository where they do.
func FuzzProject(f *testing.F) {
	for _, text := range []string{"gitdir: ../main/.git/worktrees/w", "gitdir: /a/.git/modules/sub", "gitdir:", "gitdir: \x00", "gitdir: ../../../../../../..", "", "ref: x", "gitdir: ../main/.git/worktrees/w\n\n", strings.Repeat("gitdir: x", 1000)} {
		f.Add([]byte(text), []byte("../.."))
		f.Add([]byte(text), []byte(""))
	}
	base := f.TempDir()
	folder := filepath.Join(base, "w")
	gitDir := filepath.Join(base, "main", ".git", "worktrees", "w")
	for _, dir := range []string{folder, gitDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, mark, common []byte) {
		write := func(path string, content []byte) {
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(filepath.Join(folder, ".git"), mark)
		write(filepath.Join(gitDir, "commondir"), common)
		got := projectOf(folder)
		if !filepath.IsAbs(got) || filepath.Clean(got) != got {
			t.Fatalf("%q", got)
		}
		if !bytes.HasPrefix(bytes.TrimSpace(mark), []byte("gitdir:")) && got != folder {
			t.Fatalf("%q leads to %q", mark, got)
		}
		if string(mark) == "gitdir: ../main/.git/worktrees/w" && len(common) == 0 && got != filepath.Join(base, "main") {
			t.Fatalf("a worktree leads to %q", got)
		}
	})
}
