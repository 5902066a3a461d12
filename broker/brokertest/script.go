package brokertest

import (
	"embed"
	"fmt"
	"io/fs"
	"net"
	"path"
	"regexp"
	"strings"
	"time"
)

//go:embed testdata/*/*.txt
var files embed.FS

// Limits are the bounds of a broker that a case asks for.
type Limits struct {
	Inflight int // Receive Maximum; 0: the broker's own
	Packet   int // Maximum Packet Size in bytes; 0: the broker's own
}

// A Case is one conversation on a fresh broker.
type Case struct {
	File    string   // such as "5.0/3.01-connect.txt"
	Title   string   // what stands behind "# "
	Clauses []string // those that the title names, such as "3.1.0-2"
	Limits  Limits
	Waits   time.Duration // how much time goes by in it
	lines   []line
}

// Name tells a case from all others.
func (c *Case) Name() string { return strings.TrimSuffix(c.File, ".txt") + ": " + c.Title }

type line struct {
	number int
	text   string
}

// Cases gives all conversations, in the order of the files and within them.
func Cases() ([]*Case, error) {
	names, err := fs.Glob(files, "testdata/*/*.txt")
	if err != nil {
		return nil, err
	}
	var all []*Case
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		cases, err := ParseFile(strings.TrimPrefix(name, "testdata/"), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	return all, nil
}

// ParseFile reads the conversations of one file. Errors name the line.
func ParseFile(name, text string) (cases []*Case, err error) {
	names := []string{}
	number := 0
	for l := range strings.Lines(text) {
		number++
		l = strings.TrimSpace(l)
		switch key, value, named := strings.Cut(l, " = "); {
		case l == "" || strings.HasPrefix(l, "//"):
		case strings.HasPrefix(l, "# "):
			cases = append(cases, &Case{File: name, Title: l[2:], Clauses: clauses(l[2:])})
		case named && !strings.ContainsAny(key, " <>"):
			names = append(names, "$"+key, strings.NewReplacer(names...).Replace(value))
		case len(cases) == 0:
			return nil, fmt.Errorf("%s:%d: no case begins before this line", name, number)
		default:
			text := strings.NewReplacer(names...).Replace(l)
			if err := cases[len(cases)-1].add(line{number, text}); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", name, number, err)
			}
		}
	}
	return cases, nil
}

// clauseID finds MQTT-3.3.1-10 and what follows it as -11.
var clauseID = regexp.MustCompile(`MQTT-(\d+\.\d+\.\d+)-(\d+)((?:, -\d+)*)`)

// clauses gives the clauses that a title names in front of its colon.
func clauses(title string) (ids []string) {
	before, _, _ := strings.Cut(title, ": ")
	for _, m := range clauseID.FindAllStringSubmatch(before, -1) {
		ids = append(ids, m[1]+"-"+m[2])
		for more := range strings.SplitSeq(m[3], ", -") {
			if more != "" {
				ids = append(ids, m[1]+"-"+more)
			}
		}
	}
	return ids
}

// add takes one line of a case, which is read here so that a mistake in it is found before anything is played.
func (c *Case) add(l line) error {
	switch verb, rest, _ := strings.Cut(l.text, " "); verb {
	case "limit":
		return c.setLimit(rest)
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		c.Waits += d
	default:
		if err := checkLine(l.text); err != nil {
			return err
		}
	}
	c.lines = append(c.lines, l)
	return nil
}

func (c *Case) setLimit(text string) error {
	var name string
	var value int
	if _, err := fmt.Sscanf(text, "%s %d", &name, &value); err != nil {
		return fmt.Errorf("limit %s: %w", text, err)
	}
	switch name {
	case "inflight":
		c.Limits.Inflight = value
	case "packet":
		c.Limits.Packet = value
	default:
		return fmt.Errorf("limit %s: there is no such limit", text)
	}
	return nil
}

func checkLine(text string) error {
	i := strings.IndexAny(text, "<>")
	if i < 0 {
		return fmt.Errorf("%q neither sends nor expects", text)
	}
	switch what := strings.TrimSpace(text[i+1:]); {
	case what == "close" || what == "closed":
		return nil
	case text[i] == '>':
		_, err := Encode(what)
		return err
	default:
		_, err := parse(what)
		return err
	}
}

// Dial gives a new connection to the broker.
type Dial func() (net.Conn, error)

// Play plays the case and gives the first thing that is not as it should be. patience is how long to wait for what must
// come; 0: Patience.
func (c *Case) Play(dial Dial, patience time.Duration) error {
	return c.play(dial, Peer{Patience: patience})
}

// play plays the case with Clients that are like p.
func (c *Case) play(dial Dial, p Peer) error {
	peers := map[string]*Peer{}
	defer func() {
		for _, p := range peers {
			p.Conn.Close()
		}
	}()
	for _, l := range c.lines {
		if rest, ok := strings.CutPrefix(l.text, "wait "); ok {
			d, _ := time.ParseDuration(rest)
			time.Sleep(d)
			continue
		}
		i := strings.IndexAny(l.text, "<>")
		name := l.text[:i]
		if peers[name] == nil {
			nc, err := dial()
			if err != nil {
				return err
			}
			p.Conn, p.twice = nc, true
			peers[name] = new(Peer)
			*peers[name] = p
		}
		if err := peers[name].Do(l.text[i:]); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", path.Join("testdata", c.File), l.number, l.text, err)
		}
	}
	return nil
}
