package modem

import "testing"

// TestRegistrationLines: an answer is told from a line that came by itself, which has one field less.
func TestRegistrationLines(t *testing.T) {
	for text, want := range map[string]struct {
		r          Registration
		technology string
		ok         bool
	}{
		"0,1":                       {Home, "", true},
		"2,5":                       {Roaming, "", true},
		`2,1,"00AB","01A2D003",7`:   {Home, "LTE", true},
		`5,5,"00AB","01A2D003",9,,`: {Roaming, "NB-IoT", true},
		`2,2,"00AB","01A2D003",7`:   {Searching, "", true},
		" 0 , 3 ":                   {Denied, "", true},
		"0,4":                       {Searching, "", true},
		"0,8":                       {Emergency, "", true},
		"0,10":                      {Roaming, "", true},
		"1":                         {},
		"3":                         {},
		`1,"00AB","01A2D003",7`:     {},
		`1,0003,01A2D003,7`:         {},
		`1,00AB,01A2D003,7`:         {},
		"0,99":                      {},
		"9,1":                       {},
		"":                          {},
	} {
		if r, technology, ok := parseRegistration(text); r != want.r || technology != want.technology || ok != want.ok {
			t.Errorf("%q: %s, %q, %t; want %+v", text, r, technology, ok, want)
		}
	}
}

func TestOperatorLines(t *testing.T) {
	for text, want := range map[string][2]string{
		`0,2,"22210",7`:                    {"222-10", "LTE"},
		`0,2,"310260",9`:                   {"310-260", "NB-IoT"},
		`0,2,"22210"`:                      {"222-10", ""},
		`0,0,"Example, the Operator",7`:    {"", "LTE"},
		`0,2,"2221",7`:                     {"", "LTE"},
		`0,2,"2221x",7`:                    {"", "LTE"},
		"0":                                {},
		"":                                 {},
		`1,2,"26201",13`:                   {"262-01", "5G"},
		`0,2,"26201",2`:                    {"262-01", "3G"},
		`0,2,"26201",0`:                    {"262-01", "2G"},
		`0,2,"26201",18446744073709551616`: {"262-01", ""},
	} {
		if operator, technology := parseCOPS(text); operator != want[0] || technology != want[1] {
			t.Errorf("%q: %q, %q; want %q", text, operator, technology, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	for line, want := range map[string]struct {
		code        int
		unsupported bool
	}{
		"ERROR":                        {-1, true},
		"+CME ERROR: 10":               {10, false},
		"+CME ERROR: SIM not inserted": {10, false},
		"+CME ERROR: SIM NOT INSERTED": {10, false},
		"+CME ERROR: 4":                {4, true},
		"+CME ERROR: something new":    {-1, true},
		"+CMS ERROR: 302":              {302, false},
	} {
		r := refusal("AT+X", line)
		if r == nil || r.Code != want.code || r.unsupported() != want.unsupported {
			t.Errorf("%q: %+v, want %+v", line, r, want)
		}
	}
	for _, line := range []string{"OK", "", "+CMEE: 2", "ERRORS", "+CSQ: 1"} {
		if r := refusal("AT+X", line); r != nil {
			t.Errorf("%q: %+v", line, r)
		}
	}
}
