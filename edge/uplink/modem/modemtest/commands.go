package modemtest

import (
	"fmt"
	"strings"
)

// obey gives the lines of an answer, the final result last.
func (m *Modem) obey(text string) []string {
	command, ok := strings.CutPrefix(strings.ToUpper(text), "AT")
	if !ok || m.faults.Lacks[strings.TrimRight(text, "?")] {
		return []string{"ERROR"}
	}
	if lines, ok := m.settings(command); ok {
		return lines
	}
	if m.state.NoSIM && (strings.HasPrefix(command, "+COPS") || command == "+CPIN?") {
		return m.refuse(10, "SIM not inserted")
	}
	if lines := m.questions(command); lines != nil {
		return append(lines, "OK")
	}
	return []string{"ERROR"}
}

// settings are the commands that change something.
func (m *Modem) settings(command string) ([]string, bool) {
	switch command {
	case "":
	case "E0", "E1":
		m.echo = command == "E1"
	case "+CMEE=2", "+CMEE=1":
		m.words = command == "+CMEE=2"
	case "+COPS=3,2":
		m.numeric = true
	case "+CFUN=4":
		m.off = true
	case "+CFUN?":
		if m.off {
			return []string{"+CFUN: 4", "OK"}, true
		}
		return []string{"+CFUN: 1", "OK"}, true
	case "+CFUN=1":
		m.off, m.faults.Stuck = false, false
	case "+CGACT=0,1", "+CGACT=1,1":
		m.active = command == "+CGACT=1,1"
	default:
		return nil, false
	}
	return []string{"OK"}, true
}

// questions are those that only ask. nil: it is none.
func (m *Modem) questions(command string) []string {
	s, out := m.state, m.off || m.state.NoSIM
	stat := s.Registered
	switch {
	case out:
		stat = 0
	case m.faults.Stuck:
		stat = 2
	}
	switch command {
	case "+CSQ":
		return []string{m.csq(out)}
	case "+CESQ":
		return m.cesq(out)
	case "+CEREG?", "+CGREG?", "+CREG?":
		if s.Iridium && command != "+CREG?" {
			return nil
		}
		return []string{fmt.Sprintf("%s: 0,%d", strings.TrimSuffix(command, "?"), stat)}
	case "+COPS?":
		return []string{m.cops(stat)}
	case "+CPIN?":
		if s.PIN {
			return []string{"+CPIN: SIM PIN"}
		}
		return []string{"+CPIN: READY"}
	case "+CGDCONT?":
		return []string{fmt.Sprintf(`+CGDCONT: 1,"IP",%q,"0.0.0.0",0,0`, s.APN), `+CGDCONT: 2,"IPV4V6","ims","",0,0`}
	case "+CGMM":
		return []string{s.Model}
	case "I":
		return []string{"Example Modems", s.Model, "Revision: 1"}
	}
	return nil
}

func (m *Modem) csq(out bool) string {
	switch {
	case m.state.Iridium:
		return fmt.Sprintf("+CSQ:%d", m.state.CSQ)
	case out:
		return "+CSQ: 99,99"
	}
	return fmt.Sprintf("+CSQ: %d,99", m.state.CSQ)
}

func (m *Modem) cesq(out bool) []string {
	s := m.state
	switch {
	case s.Iridium:
		return nil
	case out:
		return []string{"+CESQ: 99,99,255,255,255,255"}
	case s.RSRP5 != 0 || s.SINR5 != 0:
		return []string{fmt.Sprintf("+CESQ: 99,99,255,255,%d,%d,255,%d,%d", s.RSRQ, s.RSRP, s.RSRP5, s.SINR5)}
	}
	return []string{fmt.Sprintf("+CESQ: 99,99,255,255,%d,%d", s.RSRQ, s.RSRP)}
}

func (m *Modem) cops(stat int) string {
	switch {
	case stat != 1 && stat != 5:
		return "+COPS: 0"
	case !m.numeric:
		return fmt.Sprintf(`+COPS: 0,0,"Example, the Operator",%d`, m.state.Technology)
	}
	return fmt.Sprintf(`+COPS: 0,2,%q,%d`, m.state.Operator, m.state.Technology)
}
