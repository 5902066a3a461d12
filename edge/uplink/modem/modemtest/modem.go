package modemtest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// State is what a modem knows. The zero fields of signal are real figures: begin with Fine.
type State struct {
	CSQ          int // 0 to 31, 99 unknown; 0 to 5 with Iridium
	RSRP, RSRQ   int // as +CESQ writes them: 0 to 97 and 0 to 34, 255 unknown
	SINR5, RSRP5 int // the fields of 5G; 0 in both: the modem has none

	Registered int    // stat of +CEREG: 1 home, 2 searching, 3 denied, 5 roaming
	Technology int    // AcT of +COPS: 7 LTE, 9 NB-IoT
	Operator   string // "22210"
	APN        string
	Model      string

	Iridium bool
	NoSIM   bool
	PIN     bool // the SIM wants its PIN
}

// Fine is a modem in good health.
func Fine() State {
	return State{CSQ: 25, RSRP: 255, RSRQ: 255, Registered: 1, Technology: 7, Operator: "22210", APN: "iot.example.net", Model: "T1000"}
}

// Faults are what is wrong with the line or the firmware.
type Faults struct {
	Mute    bool          // it says nothing
	Delay   time.Duration // before each answer
	Pieces  bool          // what it says comes byte by byte
	Echo    bool          // it echoes although it was told not to
	Noise   string        // comes before each answer
	Unasked []string      // lines between the answer and the final result
	Lacks   map[string]bool
	Stuck   bool // it is registered again only after its radio was off
}

// Modem is a modem. Its methods may be called by several goroutines.
type Modem struct {
	mu      sync.Mutex
	state   State
	faults  Faults
	heard   []string
	echo    bool
	words   bool // errors in words, of +CMEE=2
	numeric bool // +COPS=3,2
	off     bool // the radio
	active  bool // the data context
	pty     *line
}

// New gives a modem that has just been switched on: it echoes.
func New(s State) *Modem { return &Modem{state: s, echo: true, active: true} }

// Set changes what it knows.
func (m *Modem) Set(change func(*State)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.state)
}

// SwitchOff switches its radio off, as AT+CFUN=4 does.
func (m *Modem) SwitchOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
}

// Fail changes what is wrong.
func (m *Modem) Fail(f Faults) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f.Lacks = maps.Clone(f.Lacks)
	m.faults = f
}

// Heard lists the commands since the last call, and forgets them.
func (m *Modem) Heard() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	heard := m.heard
	m.heard = nil
	return heard
}

// Active tells whether the data context is up, and the radio on.
func (m *Modem) Active() (active, radio bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.active, !m.off
}

// Restart is what a power cut does: the modem echoes again, and writes errors without words.
func (m *Modem) Restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.restart()
}

func (m *Modem) restart() {
	m.echo, m.words, m.numeric, m.off, m.active = true, false, false, false, true
	m.faults.Stuck = false
}

// Serve answers on a stream until it ends. A late answer is given after the next command has come, as a modem does that queues.
func (m *Modem) Serve(stream io.ReadWriter) {
	answers := make(chan string, 64)
	var speaking sync.WaitGroup
	speaking.Go(func() { m.speak(stream, answers) })
	defer speaking.Wait()
	defer close(answers)
	var part []byte
	b := make([]byte, 128)
	for {
		n, err := stream.Read(b)
		part = append(part, b[:n]...)
		for {
			end := bytes.IndexByte(part, '\r')
			if end < 0 {
				break
			}
			text := m.answer(strings.TrimSpace(string(part[:end])))
			part = part[end+1:]
			if text != "" {
				answers <- text
			}
		}
		if err != nil {
			return
		}
	}
}

// speak says the answers in their order, each after the delay.
func (m *Modem) speak(stream io.Writer, answers <-chan string) {
	for text := range answers {
		m.mu.Lock()
		f := m.faults
		m.mu.Unlock()
		if f.Delay > 0 {
			time.Sleep(f.Delay)
		}
		pieces := []string{text}
		if f.Pieces {
			pieces = strings.Split(text, "")
		}
		for _, p := range pieces {
			if _, err := io.WriteString(stream, p); err != nil {
				break // whoever listened is gone
			}
		}
	}
}

// answer is what a command brings, with what is wrong with it.
func (m *Modem) answer(text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if text == "" {
		return ""
	}
	m.heard = append(m.heard, text)
	if m.faults.Mute {
		return ""
	}
	echo := ""
	if m.echo || m.faults.Echo {
		echo = text + "\r"
	}
	lines := m.obey(text)
	final := lines[len(lines)-1]
	lines = slices.Concat(lines[:len(lines)-1], m.faults.Unasked, []string{final})
	return m.faults.Noise + echo + "\r\n" + strings.Join(lines, "\r\n\r\n") + "\r\n"
}

// refuse is an error of the modem as it was told to write them.
func (m *Modem) refuse(code int, words string) []string {
	if m.words {
		return []string{"+CME ERROR: " + words}
	}
	return []string{fmt.Sprintf("+CME ERROR: %d", code)}
}
