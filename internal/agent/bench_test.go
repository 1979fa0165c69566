package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// claudeLines is text shaped like a transcript: prose with code in it, then the counters.
func claudeLines(size int) []byte {
	var out bytes.Buffer
	words := strings.Repeat(`The handler reads the header first. `+"\n\tif err := run(ctx, \"serve\"); err != nil {\n", 12)
	for i := 0; out.Len() < size; i++ {
		content, _ := json.Marshal(words[:400+i%7*90])
		fmt.Fprintf(&out, `{"parentUuid":"b9c0d1e2-0000-4000-8000-%012d","isSidechain":false,"userType":"external","cwd":"/w/shop","sessionId":"5d0c1c1e-0000-4000-8000-000000000001","version":"2.1.330","gitBranch":"dev","type":"assistant","message":{"id":"msg_%020d","type":"message","role":"assistant","model":"claude-opus-4-8","content":[{"type":"text","text":%s},{"type":"tool_use","id":"toolu_01","name":"Edit","input":{"file_path":"/w/shop/a.go","old_string":%s,"new_string":%s}}],"stop_reason":"tool_use","usage":{"input_tokens":6,"output_tokens":410,"cache_read_input_tokens":52000,"cache_creation_input_tokens":900,"service_tier":"standard"}},"requestId":"req_%d","uuid":"u-%d","timestamp":"2031-04-02T08:15:30.120Z"}`+"\n",
			i, i, content, content, content, i, i)
	}
	return out.Bytes()
}

func BenchmarkScannerSkip(b *testing.B) {
	text := claudeLines(8 << 20)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var s Scanner
	for b.Loop() {
		for _, line := range lines {
			s.Reset(line)
			s.Skip()
			if s.Err() != nil {
				b.Fatal(s.Err())
			}
		}
	}
}

func BenchmarkScannerKeys(b *testing.B) {
	text := claudeLines(8 << 20)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var s Scanner
	for b.Loop() {
		for _, line := range lines {
			s.Reset(line)
			for s.Object(); ; {
				key, ok := s.Key()
				if !ok {
					break
				}
				if string(key) == "message" && s.Object() {
					for {
						if _, ok := s.Key(); !ok {
							break
						}
						s.Skip()
					}
					continue
				}
				s.Skip()
			}
			if !s.End() {
				b.Fatal(s.Err())
			}
		}
	}
}

func BenchmarkValid(b *testing.B) {
	text := claudeLines(8 << 20)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			if err := Valid(line); err != nil {
				b.Fatal(err)
			}
		}
	}
}

type idleParser struct{ scanner Scanner }

func (p *idleParser) Line(line []byte, at int64, out Sink) {
	p.scanner.Reset(line)
	p.scanner.Skip()
}
func (p *idleParser) State() []byte { return nil }

func BenchmarkLines(b *testing.B) {
	text := claudeLines(32 << 20)
	reader := Lines(func(*File, []byte) LineParser { return &idleParser{} })
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := reader.Read(context.Background(), &File{Content: bytes.NewReader(text)}, Cursor{}, &record{}); err != nil {
			b.Fatal(err)
		}
	}
}
