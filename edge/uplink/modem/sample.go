package modem

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Level is a measured figure that may not be known.
type Level struct {
	Value float64
	Known bool
}

// At is a known level; one that is no number is unknown.
func At(v float64) Level {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Level{}
	}
	return Level{v, true}
}

// String is the number, or "unknown".
func (l Level) String() string {
	if !l.Known {
		return "unknown"
	}
	return strconv.FormatFloat(l.Value, 'f', -1, 64)
}

// MarshalJSON writes the number, or null.
func (l Level) MarshalJSON() ([]byte, error) {
	if !l.Known {
		return []byte("null"), nil
	}
	return json.Marshal(l.Value)
}

// Registration is where a modem stands with the network.
type Registration byte

// The states of registration.
const (
	RegistrationUnknown Registration = iota
	NotRegistered                    // and not looking for a network
	Searching
	Denied    // the network refuses this SIM
	Emergency // emergency calls or text messages only: no data
	Home
	Roaming
)

var registrationWords = []string{"unknown", "not registered", "searching", "denied", "no data", "home", "roaming"}

func (r Registration) String() string {
	if int(r) < len(registrationWords) {
		return registrationWords[r]
	}
	return registrationWords[RegistrationUnknown]
}

// MarshalText writes the word.
func (r Registration) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Registered tells whether data can pass.
func (r Registration) Registered() bool { return r == Home || r == Roaming }

// absent tells that data cannot pass, as the modem itself says.
func (r Registration) absent() bool { return r != RegistrationUnknown && !r.Registered() }

// Sample is what one poll of a modem gave.
type Sample struct {
	CSQ     Level `json:"csq"`     // 0 to 31, of AT+CSQ: -113 dBm to -51 dBm in steps of 2
	RSRP    Level `json:"rsrp"`    // dBm, of LTE or 5G
	RSRQ    Level `json:"rsrq"`    // dB
	SNR     Level `json:"snr"`     // dB
	Percent Level `json:"percent"` // 0 to 100, what ModemManager makes of the signal
	Bars    Level `json:"bars"`    // 0 to 5, of Iridium

	Registration Registration `json:"registration"`
	Operator     string       `json:"operator,omitempty"`   // MCC-MNC: "222-10"
	APN          string       `json:"apn,omitempty"`        // of the context in use
	Technology   string       `json:"technology,omitempty"` // "LTE", "LTE-M", "NB-IoT", "5G", "3G", "2G"
	Model        string       `json:"model,omitempty"`
	Trouble      string       `json:"trouble,omitempty"` // what is wrong with the modem or its SIM, with a hint
}

// Signal is a sample with what is made of it. It is a value that never changes.
type Signal struct {
	When   time.Time `json:"when"`   // of the poll; zero: none was answered yet
	Source string    `json:"source"` // "at", "modemmanager" or empty
	Sample
	Score  Level  `json:"score"` // 0 to 100
	Band   Band   `json:"band"`
	Frozen string `json:"frozen,omitempty"` // why nothing is to be learned about the link now; empty: it may
}

// String is one line for people.
func (s Signal) String() string {
	if s.Band == Unknown {
		return "signal unknown"
	}
	text := "signal " + s.Band.String()
	for _, l := range []struct {
		name, unit string
		level      Level
	}{
		{"score", "", s.Score}, {"RSRP", " dBm", s.RSRP}, {"RSRQ", " dB", s.RSRQ}, {"SNR", " dB", s.SNR},
		{"CSQ", "", s.CSQ}, {"percent", "", s.Percent}, {"bars", "", s.Bars},
	} {
		if l.level.Known {
			text += ", " + l.name + " " + l.level.String() + l.unit
		}
	}
	for _, word := range []string{s.Technology, s.Operator, s.APN} {
		if word != "" {
			text += ", " + word
		}
	}
	if s.Registration != RegistrationUnknown {
		text += ", " + s.Registration.String()
	}
	return text
}
