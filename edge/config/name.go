package config

import (
	"fmt"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

const maxName = 64 // bytes of a name or an id

// nameRune reports whether a rune may stand in a name. Names become levels of topics and parts of ClientIDs, so that "/", "+",
// "#", "$", braces and blanks are out.
func nameRune(r rune) bool { return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// checkName reports a key that cannot be a name.
func (d *decoder) checkName(key *yaml.Node, path, name string) {
	if problem := badName(name, nameRune); problem != "" {
		d.wrong(key, path, problem, "a name has letters, digits, _ and -, at most 64")
	}
}

// checkID reports a value that cannot be one level of a topic.
func (d *decoder) checkID(path, id string) {
	idRune := func(r rune) bool { return nameRune(r) || r == '.' || r == ':' }
	if problem := badName(id, idRune); problem != "" && d.sound(path) {
		d.fail(path, problem, "it becomes one level of topics: letters, digits, _ - . and :, at most 64")
	}
}

func badName(name string, allowed func(rune) bool) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return fmt.Sprintf("is longer than %d bytes", maxName)
	}
	for _, r := range name {
		if !allowed(r) || r == utf8.RuneError {
			return fmt.Sprintf("%q cannot stand in a name", r)
		}
	}
	return ""
}

// serialNumber is where the kernel shows the serial number of a board that has a device tree.
const serialNumber = "/sys/firmware/devicetree/base/serial-number"

// defaultID names a station that has no id: its host name, with the board's serial number behind it, as the cards of a fleet
// are often copies of each other.
func defaultID() string {
	host, _ := os.Hostname()
	serial, _ := os.ReadFile(serialNumber)
	return identity(host, string(serial))
}

func identity(host, serial string) string {
	host, _, _ = strings.Cut(host, ".")
	id := clean(host)
	if id == "" {
		id = "skerry"
	}
	serial = strings.TrimLeft(clean(serial), "0")
	if n := len(serial); n > 8 { // the end is what differs between boards
		serial = serial[n-8:]
	}
	if serial != "" {
		id = id[:min(len(id), maxName-len(serial)-1)] + "-" + serial
	}
	return id[:min(len(id), maxName)]
}

// clean keeps the plain letters and digits of a text.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !nameRune(r) {
			return -1
		}
		return r
	}, text)
}
