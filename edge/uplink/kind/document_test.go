package kind_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"skerry/edge/uplink/kind"
)

// TestDocumented: docs/uplink.md has the table as it is.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/uplink.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range kind.Names() {
		k := kind.Of(name)
		row := fmt.Sprintf("| `%s` | %s | %s..%s | %s..%s | %s | %s | %s |", name, words(k.DeadFloor), words(k.KeepAliveMin), words(k.KeepAliveMax),
			words(k.RetryMin), words(k.RetryMax), size(k.AttemptsDay), words(k.Linger), words(k.DialTime))
		if !strings.Contains(string(text), row) {
			t.Errorf("the document has not %s", row)
		}
	}
}

// words writes a duration as the configuration does.
func words(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dmin", d/time.Minute)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

// size writes thousands of bytes.
func size(bytes int64) string {
	if bytes == 0 {
		return "any"
	}
	return fmt.Sprintf("%dkB", bytes/1000)
}
