package modem

import (
	"context"
	"math"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// sane checks what no source may ever give.
func sane(t *testing.T, levels ...Level) {
	t.Helper()
	for _, l := range levels {
		if !l.Known && l.Value != 0 || math.IsNaN(l.Value) || math.Abs(l.Value) > 1000 {
			t.Errorf("level %+v", l)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"15,99", "3", "99,99", "100,99", " 7 , 99", "", ",", `"`, "-1,0", "18446744073709551616",
		"99,99,255,255,20,41", "99,99,255,255,255,255,100,60,90", "99,99,1,2", "0,1", "2,5,\"00AB\",\"01A2D003\",7", "1", `2,"00AB","01",9`, "0,255",
		`0,2,"22210",7`, "0", `0,0,"Example, the Operator",7`, `0,2,"310260"`, `0,2,"12"`, `1,"IP","iot.example.net","0.0.0.0",0,0`, `1,"IP",""`, `1,"IP","a,b"`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if n, ok := parseCSQ(text); ok && (n < 0 || n > 31) || !ok && n != 0 {
			t.Errorf("CSQ %d, %t", n, ok)
		}
		rsrp, rsrq, snr := parseCESQ(text)
		sane(t, rsrp, rsrq, snr)
		if rsrp.Known && (rsrp.Value < -157 || rsrp.Value > -31) || rsrq.Known && (rsrq.Value < -43.5 || rsrq.Value > 20) || snr.Known && (snr.Value < -23.5 || snr.Value > 40) {
			t.Errorf("%q: RSRP %s, RSRQ %s, SNR %s", text, rsrp, rsrq, snr)
		}
		if r, technology, ok := parseRegistration(text); !ok && (r != 0 || technology != "") || technology != "" && !r.Registered() {
			t.Errorf("%q: %s, %q, %t", text, r, technology, ok)
		}
		if operator, _ := parseCOPS(text); operator != "" && (len(operator) < 6 || len(operator) > 7 || operator[3] != '-') {
			t.Errorf("%q: operator %q", text, operator)
		}
		if _, apn, _ := parseCGDCONT(text); len(apn) > 100 {
			t.Errorf("%q: APN %q", text, apn)
		}
		if r := refusal("AT", text); r != nil {
			_, _ = r.Error(), r.unsupported()
		}
		s := Sample{RSRP: rsrp, RSRQ: rsrq, SNR: snr}
		if score := Score(s); score.Known && (score.Value < 0 || score.Value > 100) {
			t.Errorf("score %s", score)
		}
	})
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"modem":{"3gpp":{"operator-code":"22210","registration-state":"home"},"generic":{"access-technologies":["lte"],"bearers":["/b"],"signal-quality":{"value":"58"},"state":"connected"}}}`))
	f.Add([]byte(`{"modem":{"signal":{"5g":{"rsrp":"-90"},"lte":{"rsrp":"-104,00","rsrq":"-11","snr":"2"},"refresh":{"rate":"30"}}}}`))
	f.Add([]byte(`{"modem":[1,{"generic":null}]}`))
	f.Add([]byte(`{"modem":{"generic":{"bearers":[[]],"ports":[3,"ttyUSB2 (at)"],"signal-quality":{"value":"1e400"}}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseModem(data)
		if err == nil {
			sane(t, m.Percent)
			explainState(m)
		}
		rsrp, rsrq, snr, rssi, rate, err := parseSignal(data)
		if err == nil {
			sane(t, rsrp, rsrq, snr, rssi)
		}
		if rate < 0 || rate > 24*time.Hour {
			t.Errorf("rate %v", rate)
		}
	})
}

func FuzzLadderDocument(f *testing.F) {
	f.Add([]byte(`{"bearer":{"last":1764000000,"times":2},"power":{"last":1764000000,"times":9}}`), int64(1764000100))
	f.Add([]byte(`{"power":{"last":9223372036854775807,"times":255}}`), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, clock int64) {
		now := time.Unix(clock%(1<<40), 0)
		l := NewLadder([]Step{Reconnect, Bearer, Radio, Power}, data, now)
		if d := l.Document(); len(d) > 250 {
			t.Errorf("a document of %d bytes", len(d))
		}
		l.Offline(now)
		for range 10 {
			step, at, ok := l.Next()
			if !ok || at.Before(now) || at.Sub(now) > maxSpacing+time.Hour {
				t.Fatalf("%s at %v, now %v, %t", step, at, now, ok)
			}
			now = at
			l.Take(step, now)
		}
		if again := NewLadder([]Step{Power}, l.Document(), now); again.damaged {
			t.Errorf("its own document is damaged: %s", l.Document())
		}
	})
}

// FuzzWire: whatever a port says, a question ends within its time; and a line that is given is text.
func FuzzWire(f *testing.F) {
	for _, text := range []string{"\r\nOK\r\n", "\r\n+CSQ: 15,99\r\n\r\nOK\r\n", "AT+CSQ\r\r\n+CSQ: 15,99\r\nOK\r\n", "ERROR\r\n", "+CME ERROR: SIM failure\n", strings.Repeat("x", 600) + "\rOK\r", "\x00\xff\r\nOK", "OK\rOK\rOK\r+CSQ:3\rOK\r"} {
		f.Add([]byte(text), uint8(3))
	}
	f.Fuzz(func(t *testing.T, said []byte, piece uint8) {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer ours.Close()
			go func() {
				b := make([]byte, 64)
				for {
					if _, err := theirs.Read(b); err != nil {
						return
					}
				}
			}()
			go func() {
				for rest := said; len(rest) > 0; {
					n := min(int(piece%32)+1, len(rest))
					if _, err := theirs.Write(rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
			}()
			defer theirs.Close()
			w := &wire{port: mute{ours}, patience: time.Second, inStep: true}
			began := time.Now()
			lines, err := w.ask(context.Background(), command{text: "AT+CSQ", prefix: "+CSQ:"})
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v", took)
			}
			if (err == nil) != (len(lines) > 0) || len(lines) > 0 && !strings.Contains(string(said), "OK") {
				t.Errorf("%q, %v", lines, err)
			}
			for _, line := range lines {
				if !isText(line) || len(line) > maxLine {
					t.Errorf("line %q", line)
				}
			}
		})
	})
}

// mute is a port that never has anything to throw away.
type mute struct{ net.Conn }

func (mute) Discard() error { return nil }
