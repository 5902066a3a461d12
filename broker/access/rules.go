package access

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"skerry/broker/topic"
)

// Right is something that a Client may do with a topic.
type Right uint8

// The rights. One question asks for one of them.
const (
	Read      Right = 1 << iota // be sent its messages, retained ones too
	Write                       // publish to it, also as a Will
	Subscribe                   // subscribe to a filter that matches it
	deny                        // of a rule: nothing at all
)

// String is the word of the ACL file.
func (r Right) String() string {
	for word, right := range rights {
		if r == right {
			return word
		}
	}
	return fmt.Sprintf("right %d", r)
}

// rights are the words that may stand before a filter. subscribe is ours: mosquitto lets everybody subscribe to everything
// and looks at what is sent.
var rights = map[string]Right{
	"read": Read, "write": Write, "readwrite": Read | Write, "deny": deny, "subscribe": Subscribe,
}

// Rules are an ACL file. Immutable.
//
// What a Client asks is decided in two steps. First its own section: the lines below `user` with its name, or those at the
// top of the file for one who has named no user, and with them the lines below `client` with its ClientID. If a `deny` line
// there matches, it is refused; else, if one with the right matches, it is granted. Then the patterns, in the same way. What
// nothing grants is refused. The order of lines does not matter.
type Rules struct {
	list      []rule
	anonymous *node            // of those who have named no user
	users     map[string]*node // by name
	clients   map[string]*node // by ClientID
	patterns  *node            // nil: none
}

// section is whom a rule is for.
type section uint8

const (
	ofAnonymous section = iota
	ofUser
	ofClient
	ofEverybody // a pattern
)

// rule is one line of the file that gives or denies.
type rule struct {
	line    int
	text    string // as it stands there
	section section
	name    string // of the user, or the ClientID
	rights  Right
	filter  string
}

// LineError is what is wrong with a line of an ACL file.
type LineError struct {
	Line          int // from 1
	Problem, Hint string
}

// Error is "3: problem (hint: ...)".
func (e *LineError) Error() string {
	return fmt.Sprintf("%d: %s (hint: %s)", e.Line, e.Problem, e.Hint)
}

// LineErrors are the wrong lines in an error of ReadRules or ParseRules; nil: it is about something else.
func LineErrors(err error) []*LineError {
	many, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok {
		return nil
	}
	var all []*LineError
	for _, one := range many.Unwrap() {
		if l, ok := errors.AsType[*LineError](one); ok {
			all = append(all, l)
		}
	}
	return all
}

// maxFile is how long a file may be, in bytes.
const maxFile = 4 << 20

// maxLineErrors is how many wrong lines are told of.
const maxLineErrors = 20

// ReadRules reads an ACL file. What is wrong in it is one *LineError per line, joined; any other error means that it could
// not be read.
func ReadRules(path string) (*Rules, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return ParseRules(data)
}

// readFile reads a file of bounded length.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return data, err
}

// ParseRules reads the lines of an ACL file; its errors are those of ReadRules.
func ParseRules(data []byte) (*Rules, error) {
	r := &Rules{anonymous: &node{}, users: map[string]*node{}, clients: map[string]*node{}}
	var wrong []error
	section, name := ofAnonymous, ""
	n := 0
	for line := range bytes.Lines(data) {
		n++
		l, err := parseLine(string(line))
		switch {
		case err != nil:
			err.Line = n
			if len(wrong) < maxLineErrors {
				wrong = append(wrong, err)
			}
		case l.header:
			section, name = l.section, l.name
		case l.rights != 0:
			l.line = n
			if l.section != ofEverybody {
				l.section, l.name = section, name
			}
			r.add(l.rule)
		}
	}
	return r, errors.Join(wrong...)
}

// add makes a rule count.
func (r *Rules) add(l rule) {
	r.list = append(r.list, l)
	root := r.anonymous
	switch l.section {
	case ofUser:
		root = sectionOf(r.users, l.name)
	case ofClient:
		root = sectionOf(r.clients, l.name)
	case ofEverybody:
		if r.patterns == nil {
			r.patterns = &node{}
		}
		root = r.patterns
	}
	root.add(l)
}

func sectionOf(sections map[string]*node, name string) *node {
	if sections[name] == nil {
		sections[name] = &node{}
	}
	return sections[name]
}

// parsed is a line: a rule, the header of a section, or neither.
type parsed struct {
	rule
	header bool
}

const spaces = " \t\n\v\f\r"

// parseLine reads a line as mosquitto does: words are parted by spaces, the last one goes to the end of the line, a comment
// has its # in the first column.
func parseLine(line string) (parsed, *LineError) {
	text := strings.TrimRight(line, spaces)
	word, rest := cutWord(text)
	switch {
	case word == "", strings.HasPrefix(text, "#"):
		return parsed{}, nil
	case strings.ContainsAny(text, "\t\x00"):
		return parsed{}, &LineError{Problem: "a tab or a zero in the line", Hint: "words are parted by spaces"}
	case word == "topic", word == "pattern":
		return parseRule(word, rest, text)
	case word == "user", word == "client":
		if rest == "" {
			return parsed{}, &LineError{Problem: word + " names nobody", Hint: word + " NAME"}
		}
		s := ofUser
		if word == "client" {
			s = ofClient
		}
		return parsed{rule{section: s, name: rest}, true}, nil
	}
	hint := "topic, pattern, user or client"
	if strings.HasPrefix(word, "#") {
		hint = "a comment has its # in the first column"
	}
	return parsed{}, &LineError{Problem: fmt.Sprintf("%q is no word that begins a line", clip(word)), Hint: hint}
}

// parseRule reads what stands behind topic or pattern: [RIGHT] FILTER. A word that stands alone is the filter.
func parseRule(word, rest, text string) (parsed, *LineError) {
	first, filter := cutWord(rest)
	granted := Read | Write
	switch {
	case first == "":
		return parsed{}, &LineError{Problem: word + " names no topic", Hint: word + " [read|write|readwrite|deny|subscribe] FILTER"}
	case filter == "":
		filter = first
	case rights[first] == 0:
		return parsed{}, &LineError{Problem: fmt.Sprintf("%q is no right", clip(first)), Hint: "read, write, readwrite, deny or subscribe; without one it is readwrite"}
	default:
		granted = rights[first]
	}
	if err := topic.ValidFilter(filter); err != nil {
		return parsed{}, &LineError{Problem: err.Error(), Hint: "+ and # stand alone between slashes, # at the end"}
	}
	s := ofAnonymous
	if word == "pattern" {
		s = ofEverybody
	}
	return parsed{rule: rule{section: s, text: text, rights: granted, filter: filter}}, nil
}

// cutWord parts the first word from the rest, without the spaces around.
func cutWord(s string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimLeft(s, " "), " ")
	return word, strings.Trim(rest, spaces)
}

// clip shortens what is shown of a line.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
