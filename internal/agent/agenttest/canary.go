package agenttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"tokenmeter/internal/agent"
)

// canary stands for text that a person wrote. It is no word of any format.
const canary = "canary-feather-7f3a"

// testCanary puts the canary into one kind of text after the other, and looks for it in all
// that the reader says and remembers.
func (s *suite) testCanary(t *testing.T) {
	for _, l := range s.logs {
		places := map[string]bool{}
		for line := range bytes.Lines(l.content) {
			if tree, err := parseObject(line); err == nil {
				visit(tree, "", func(place, text string) string {
					places[place] = true
					return text
				})
			}
		}
		for place := range places {
			if slices.Contains(s.options.Names, place) {
				continue
			}
			var planted bytes.Buffer
			for line := range bytes.Lines(l.content) {
				tree, err := parseObject(line)
				if err != nil {
					planted.Write(line)
					continue
				}
				visit(tree, "", func(at, text string) string {
					if at == place {
						return canary
					}
					return text
				})
				if err := json.NewEncoder(&planted).Encode(tree); err != nil {
					t.Fatal(err)
				}
			}
			facts := s.read(t, l, planted.Bytes(), agent.Cursor{})
			if said := fmt.Sprintf("%+v %s", facts, facts.Cursor.State); strings.Contains(said, canary) {
				t.Errorf("%s: the text at %s leaves the reader", l.name, place)
			}
		}
	}
}

func parseObject(line []byte) (tree map[string]any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	err = decoder.Decode(&tree)
	return tree, err
}

// visit shows every string of a tree with its place and puts the answer in its stead.
func visit(tree any, place string, change func(place, text string) string) any {
	switch tree := tree.(type) {
	case string:
		return change(place, tree)
	case []any:
		for i := range tree {
			tree[i] = visit(tree[i], place+"[]", change)
		}
	case map[string]any:
		for name := range tree {
			tree[name] = visit(tree[name], strings.TrimPrefix(place+"."+name, "."), change)
		}
	}
	return tree
}
