package modem

import (
	"fmt"
	"strings"
	"time"
)

// Band is a step of signal strength.
type Band byte

// The bands. Unknown is no modem, or one that has not answered for three polls.
const (
	Unknown Band = iota
	None         // not registered, or nothing is heard
	Poor         // RSRP below -115 dBm, SNR below 0 dB, CSQ below 8, or fewer than 2 bars of Iridium
	Weak
	Fair
	Good
)

// bandWords are those of the status.
var bandWords = [...]string{Unknown: "unknown", None: "none", Poor: "poor", Weak: "weak", Fair: "fair", Good: "good"}

func (b Band) String() string {
	if int(b) < len(bandWords) {
		return bandWords[b]
	}
	return bandWords[Unknown]
}

// MarshalText writes the word.
func (b Band) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// Classes is a set of the classes of streams.
type Classes byte

// The classes, by the words of the configuration: alarm, state, live, backfill.
const (
	Alarm Classes = 1 << iota
	State
	Live
	Backfill
)

var classNames = [...]string{"alarm", "state", "live", "backfill"}

// ClassOf gives the class of a word; the empty set for a word that is none.
func ClassOf(word string) Classes {
	for i, w := range classNames {
		if w == word {
			return 1 << i
		}
	}
	return 0
}

// Has tells whether all of other are in the set.
func (c Classes) Has(other Classes) bool { return c&other == other && other != 0 }

// Words lists the classes of the set.
func (c Classes) Words() []string {
	var words []string
	for i, w := range classNames {
		if c&(1<<i) != 0 {
			words = append(words, w)
		}
	}
	return words
}

func (c Classes) String() string {
	if c == 0 {
		return "nothing"
	}
	return strings.Join(c.Words(), ", ")
}

// MarshalText writes the words.
func (c Classes) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Effects is what a band changes in an uplink.
type Effects struct {
	Ping   float64 `json:"ping"`   // factor of the learned ping interval, at most 1
	Ack    float64 `json:"ack"`    // factor of the time that the Server has to acknowledge
	Held   Classes `json:"held"`   // what is not sent, for DefaultMaxHold at most
	Freeze bool    `json:"freeze"` // nothing is learned about the keep-alive
}

// DefaultMaxHold is how long a class is held back at most, at a stretch.
const DefaultMaxHold = 10 * time.Minute

// table is the whole policy; docs/modem.md shows it, and a test compares the two.
//
// The ping interval never gets longer than what was learned, which lies just below what the network allows: in a bad signal a ping may take
// several tries, and starts so much earlier that the last of them is still in time. Without a network nothing that is sent costs anything.
var table = [...]Effects{
	Unknown: {Ping: 1, Ack: 1},
	None:    {Ping: 1, Ack: 2, Held: State | Live | Backfill, Freeze: true},
	Poor:    {Ping: 0.8, Ack: 2, Held: State | Live | Backfill, Freeze: true},
	Weak:    {Ping: 0.9, Ack: 1.5, Held: Backfill},
	Fair:    {Ping: 1, Ack: 1},
	Good:    {Ping: 1, Ack: 1},
}

// EffectsOf is the table's row of a band.
func EffectsOf(b Band) Effects {
	if int(b) >= len(table) {
		return table[Unknown]
	}
	return table[b]
}

// Table writes the policy as a table of Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("| band | score | ping interval x | acknowledgement time-out x | held back | keep-alive learning |\n|---|---|---|---|---|---|\n")
	for _, row := range []Band{Good, Fair, Weak, Poor, None, Unknown} {
		e, learning := EffectsOf(row), "goes on"
		if e.Freeze {
			learning = "frozen"
		}
		fmt.Fprintf(&b, "| %s | %s | %v | %v | %s | %s |\n", row, scoresOf(row), e.Ping, e.Ack, e.Held, learning)
	}
	return b.String()
}

func scoresOf(b Band) string {
	switch b {
	case Good:
		return fmt.Sprintf("%d to 100", goodFrom)
	case Fair:
		return fmt.Sprintf("%d to %d", fairFrom, goodFrom-1)
	case Weak:
		return fmt.Sprintf("%d to %d", weakFrom, fairFrom-1)
	case Poor:
		return fmt.Sprintf("0 to %d", weakFrom-1)
	}
	return "-"
}
