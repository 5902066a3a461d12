package brokertest_test

import (
	"encoding/hex"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"skerry/broker/brokertest"
)

func TestEncode(t *testing.T) {
	tests := map[string]string{
		"c0:":                        "c000",
		"c0":                         "c0",
		"30: 't' \"x\"":              "3004000174" + "78",
		"30 e80f":                    "30e80f",
		"10: [ 26 'a' 'b' ] ff":      "10090726000161000162ff",
		"30: \"a: | b\"":             "", // the separator is one, quoted or not
		"00*3 \"ab\"*2":              "00000061626162",
		"e0: | e0: 04":               "e000e00104",
		"30: " + `"` + "x" + `"*200`: "30c801" + strings.Repeat("78", 200),
		"30: ''":                     "30020000",
	}
	for text, want := range tests {
		b, err := brokertest.Encode(text)
		if got := hex.EncodeToString(b); got != want || (err != nil) != (want == "") {
			t.Errorf("%s: got %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestMistakesAreFound(t *testing.T) {
	for name, text := range map[string]string{
		"a line before the first case": "a> c0:\n",
		"neither sends nor expects":    "# t\nhello\n",
		"a quote is open":              "# t\na> 30: 't\n",
		"not hexadecimal":              "# t\na> 30: xy\n",
		"a bracket is open":            "# t\na> 30: [ 00\n",
		"a bracket too many":           "# t\na> 30: 00 ]\n",
		"sending anything":             "# t\na> 30: ??\n",
		"sending more":                 "# t\na> 30: 00 ...\n",
		"no such limit":                "# t\nlimit clients 3\n",
		"no such time":                 "# t\nwait long\n",
		"a count that is none":         "# t\na< ??*x\n",
	} {
		if _, err := brokertest.ParseFile("f.txt", text); err == nil || !strings.HasPrefix(err.Error(), "f.txt:") {
			t.Errorf("%s: error %v, want one with file and line", name, err)
		}
	}
}

func TestTitlesNameClauses(t *testing.T) {
	cases, err := brokertest.ParseFile("f.txt", "# MQTT-3.3.1-10, -11, MQTT-4.7.2-1, 3.3.5: as MQTT-1.5.4-1 says\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"3.3.1-10", "3.3.1-11", "4.7.2-1"}; !slices.Equal(cases[0].Clauses, want) {
		t.Errorf("clauses %q, want %q", cases[0].Clauses, want)
	}
}

// TestCasesCanFail plays lines against a broker that answers each packet with what it is told: a suite that is content with
// everything proves nothing.
func TestCasesCanFail(t *testing.T) {
	tests := []struct {
		name, expect, answer string
		ok                   bool
	}{
		{"the same", "a< d0:", "d000 d000", true},
		{"a message behind PINGRESP", "a< d0:", "d000 3003000174", false},
		{"another packet", "a< d0:", "c000", false},
		{"a longer packet", "a< 40: 0001", "4003000100", false},
		{"a shorter packet", "a< 40: 0001 00", "40020001", false},
		{"any byte", "a< 40: 00 ??", "40020007", true},
		{"any byte beside a wrong one", "a< 40: 00 ??", "40020107", false},
		{"more", "a< 20: 00 00 ...", "2005000002abcd", true},
		{"no more", "a< 20: 00 00 ...", "20020000", true},
		{"more behind something wrong", "a< 20: 00 00 ...", "2005000102abcd", false},
		{"too short for more", "a< 20: 00 00 ...", "200100", false},
		{"a stream", "a< ??*2", "abcd", true},
		{"nothing", "a< d0:", "", false},
		{"open, not closed", "a< closed", "", false},
		{"a packet, not the end", "a< closed", "d000", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cases, err := brokertest.ParseFile("f.txt", "# t\na> c0:\n"+tt.expect+"\n")
			if err != nil {
				t.Fatal(err)
			}
			err = cases[0].Play(answering(t, strings.Fields(tt.answer)...), 100*time.Millisecond)
			if (err == nil) != tt.ok {
				t.Errorf("error %v, want ok %t", err, tt.ok)
			}
		})
	}
}

// answering dials somebody who reads two bytes and writes an answer, for each that there is, and keeps the connection open.
func answering(t *testing.T, answers ...string) brokertest.Dial {
	return func() (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		go func() {
			for _, answer := range answers {
				if _, err := io.ReadFull(theirs, make([]byte, 2)); err != nil {
					return
				}
				b, _ := hex.DecodeString(answer)
				if _, err := theirs.Write(b); err != nil && !errors.Is(err, io.ErrClosedPipe) {
					t.Error(err)
				}
			}
		}()
		return ours, nil
	}
}

func TestReadDifferences(t *testing.T) {
	got := brokertest.ReadDifferences("# a remark => no\n\n5.0/3.01-connect: MQTT-3.1.0-1: first => lax\nno reason\n")
	if len(got) != 1 || got["5.0/3.01-connect: MQTT-3.1.0-1: first"] != "lax" {
		t.Errorf("differences %q", got)
	}
}
