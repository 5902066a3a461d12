package modem

import (
	"strconv"
	"strings"
)

// The answers of AT commands, by 3GPP TS 27.007. Each parser takes the line after its prefix. What is out of the ranges there is not
// known: modems of some makers have ranges of their own.

// parseCSQ reads "15,99", and "3" of Iridium.
func parseCSQ(text string) (value int, ok bool) {
	fields := split(text)
	n, ok := number(fields, 0)
	if !ok || n < 0 || n > 31 {
		return 0, false
	}
	return n, true
}

// parseCESQ reads "rxlev,ber,rscp,ecno,rsrq,rsrp" and the three fields of 5G that newer modems add; those of 5G come first.
func parseCESQ(text string) (rsrp, rsrq, snr Level) {
	fields := split(text)
	rsrq, rsrp = scaled(fields, 4, 34, 0.5, -20), scaled(fields, 5, 97, 1, -141)
	if rsrp5 := scaled(fields, 7, 126, 1, -157); rsrp5.Known {
		rsrp, rsrq, snr = rsrp5, scaled(fields, 6, 126, 0.5, -43.5), scaled(fields, 8, 127, 0.5, -23.5)
	}
	return rsrp, rsrq, snr
}

// scaled turns a field of 0 to most into its unit; 255 and all else is unknown.
func scaled(fields []string, i, most int, step, base float64) Level {
	n, ok := number(fields, i)
	if !ok || n < 0 || n > most {
		return Level{}
	}
	return At(base + float64(n)*step)
}

// parseRegistration reads the answer to AT+CEREG?, AT+CGREG? and AT+CREG?: "n,stat", or "n,stat,tac,ci,AcT" where the modem tells
// the cell. A line that comes unasked has no n, and is none.
func parseRegistration(text string) (r Registration, technology string, ok bool) {
	fields := split(text)
	if len(fields) < 2 || len(fields[1]) > 2 { // a tracking area code has four digits
		return 0, "", false
	}
	mode, ok1 := number(fields, 0)
	stat, ok2 := number(fields, 1)
	if !ok1 || !ok2 || mode < 0 || mode > 5 {
		return 0, "", false
	}
	if r, ok = registrationOf(stat); !ok {
		return 0, "", false
	}
	if act, known := number(fields, 4); known && r.Registered() {
		technology = technologyOf(act)
	}
	return r, technology, true
}

func registrationOf(stat int) (Registration, bool) {
	switch stat {
	case 0:
		return NotRegistered, true
	case 1, 9: // 9: home, circuit switched fallback not preferred
		return Home, true
	case 2:
		return Searching, true
	case 3:
		return Denied, true
	case 4: // out of coverage
		return Searching, true
	case 5, 10:
		return Roaming, true
	case 6, 7, 8:
		return Emergency, true
	}
	return 0, false
}

// technologyOf is the word of an AcT; empty for one that is not known.
func technologyOf(act int) string {
	switch act {
	case 0, 1, 3, 8:
		return "2G"
	case 2, 4, 5, 6:
		return "3G"
	case 7:
		return "LTE" // and LTE-M: most modems give it the same number
	case 9:
		return "NB-IoT"
	case 10, 11, 12, 13:
		return "5G"
	}
	return ""
}

// parseCOPS reads "mode", or "mode,format,oper,AcT". The operator is known in the numeric format only.
func parseCOPS(text string) (operator, technology string) {
	fields := split(text)
	if act, ok := number(fields, 3); ok {
		technology = technologyOf(act)
	}
	if format, ok := number(fields, 1); !ok || format != 2 || len(fields) < 3 {
		return "", technology
	}
	return network(unquote(fields[2])), technology
}

// network writes the five or six digits of a network as MCC-MNC; empty for what is none.
func network(digits string) string {
	if len(digits) < 5 || len(digits) > 6 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits[:3] + "-" + digits[3:]
}

// parseCGDCONT reads "cid,type,apn,...".
func parseCGDCONT(text string) (cid int, apn string, ok bool) {
	fields := split(text)
	cid, ok = number(fields, 0)
	if !ok || len(fields) < 3 {
		return 0, "", false
	}
	apn = unquote(fields[2])
	if len(apn) > 100 { // TS 23.003: at most 100 octets
		return 0, "", false
	}
	return cid, apn, true
}

// split cuts at commas outside of quotes.
func split(text string) []string {
	var fields []string
	quoted, from := false, 0
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			fields = append(fields, strings.TrimSpace(text[from:i]))
			from = i + 1
		}
	}
	return append(fields, strings.TrimSpace(text[from:]))
}

// number reads a field that is digits and nothing else.
func number(fields []string, i int) (int, bool) {
	if i >= len(fields) || fields[i] == "" || strings.Trim(fields[i], "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(fields[i])
	return n, err == nil
}

func unquote(field string) string { return strings.Trim(field, `"`) }
