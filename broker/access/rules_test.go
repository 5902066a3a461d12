package access_test

import (
	"errors"
	"strings"
	"testing"

	"skerry/broker/access"
)

func rules(t testing.TB, text string) *access.Rules {
	t.Helper()
	r, err := access.ParseRules([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// question is one line of a table: "USER@CLIENTID RIGHT TOPIC" and whether it is allowed. "-" is nobody.
type question struct {
	ask  string
	want bool
}

// ask puts a question to a Client, and the same to Explain: the two never differ.
func ask(t testing.TB, r *access.Rules, question string) (bool, access.Decision) {
	t.Helper()
	at := strings.Index(question, "@")
	user, rest := question[:at], question[at+1:]
	var id, word, topic string
	for _, word = range []string{"read", "write", "subscribe"} {
		var found bool
		if id, topic, found = strings.Cut(rest, " "+word+" "); found {
			break
		}
	}
	if user == "-" {
		user = ""
	}
	c := r.For(user, id)
	var got bool
	var right access.Right
	switch word {
	case "read":
		got, right = c.MayRead(topic), access.Read
	case "write":
		got, right = c.MayWrite(topic), access.Write
	case "subscribe":
		got, right = c.MaySubscribe(topic), access.Subscribe
	}
	d := r.Explain(user, id, right, topic)
	if d.Allowed != got {
		t.Errorf("%s: the Client is told %v, and Explain says %+v", question, got, d)
	}
	return got, d
}

func TestRules(t *testing.T) {
	tests := []struct {
		name, file string
		questions  []question
	}{
		{"an empty file refuses everything", "", []question{
			{"-@c read a", false}, {"ada@c write a", false}, {"ada@c subscribe a", true}}},
		{"without a word a topic is readwrite", "topic a", []question{
			{"-@c read a", true}, {"-@c write a", true}, {"-@c read b", false}}},
		{"the top of the file is for those who name no user", "topic read a\nuser ada\ntopic read b", []question{
			{"-@c read a", true}, {"ada@c read a", false}, {"ada@c read b", true}, {"-@c read b", false}, {"eve@c read b", false}}},
		{"rights apart", "topic read r\ntopic write w\ntopic readwrite rw", []question{
			{"-@c read r", true}, {"-@c write r", false}, {"-@c read w", false}, {"-@c write w", true}, {"-@c read rw", true}, {"-@c write rw", true}}},
		{"wildcards", "topic read a/+/c\ntopic read d/#\ntopic read +/e", []question{
			{"-@c read a/b/c", true}, {"-@c read a//c", true}, {"-@c read a/b", false}, {"-@c read a/b/c/d", false},
			{"-@c read d", true}, {"-@c read d/", true}, {"-@c read d/x/y", true}, {"-@c read dd", false},
			{"-@c read /e", true}, {"-@c read x/e", true}, {"-@c read e", false}}},
		{"everything is not $SYS", "topic read #\ntopic read +/broker", []question{
			{"-@c read a", true}, {"-@c read a/b/c", true}, {"-@c read $SYS/broker", false}, {"-@c read $x", false}}},
		{"$SYS is named", "topic read $SYS/#\ntopic read $x/+", []question{
			{"-@c read $SYS/broker/uptime", true}, {"-@c read $SYS", true}, {"-@c read $x/a", true}, {"-@c read $x", false}, {"-@c read a", false}}},
		{"deny wins wherever it stands", "topic deny a/secret\ntopic readwrite a/#\ntopic deny a/late/#", []question{
			{"-@c read a/b", true}, {"-@c read a/secret", false}, {"-@c write a/secret", false}, {"-@c write a/late/x", false}}},
		{"deny is for its section alone", "user ada\ntopic deny a\nuser bob\ntopic a", []question{
			{"bob@c read a", true}, {"ada@c read a", false}}},
		{"an own line goes before a pattern", "user ada\ntopic a/b\ntopic deny a/c\npattern deny a/#\npattern read #", []question{
			{"ada@c read a/b", true}, {"ada@c read a/c", false}, {"ada@c read a/d", false}, {"ada@c read z", true}, {"bob@c read a/b", false}}},
		{"a section in two parts", "user ada\ntopic a\nuser bob\ntopic b\nuser ada\ntopic c", []question{
			{"ada@c read a", true}, {"ada@c read c", true}, {"ada@c read b", false}, {"bob@c read c", false}}},
		{"patterns", "pattern readwrite u/%u/#\npattern write c/%c\npattern read x-%c-%u/y", []question{
			{"ada@c1 read u/ada/x", true}, {"ada@c1 write u/ada", true}, {"ada@c1 read u/bob", false},
			{"ada@c1 write c/c1", true}, {"ada@c1 write c/c2", false}, {"ada@c1 read x-c1-ada/y", true}, {"ada@c1 read x-c1-/y", false},
			{"-@c1 write c/c1", true}, {"-@c1 read u//x", false}, {"-@c1 read x-c1-/y", false}}},
		{"in a topic %c is itself", "topic c/%c", []question{{"-@x read c/x", false}, {"-@x read c/%c", true}}},
		{"a pattern without either", "pattern read all/#", []question{{"ada@c read all/x", true}, {"-@c read all", true}}},
		{"a percent sign alone", "pattern read a%/%d/%%c", []question{{"-@x read a%/%d/%x", true}, {"-@x read a%/%d/%%c", false}}},
		{"names with slashes", "pattern read %u/x\npattern write p-%c/y", []question{
			{"a/b@c read a/b/x", true}, {"a/b@c read a/x", false}, {"-@d/e write p-d/e/y", true}, {"-@d/e write p-d/y", false}, {"-@d/e write p-d/e", false}}},
		{"names with wildcards get nothing from patterns", "pattern read %c/%u\npattern read all\nuser +\ntopic read own", []question{
			{"+@c read all", false}, {"+@c read c/+", false}, {"+@c read own", true}, {"ada@# read all", false}, {"ada@a+b read all", false}}},
		{"a name that begins with $", "pattern read %c/x", []question{{"-@$SYS read $SYS/x", true}, {"-@y read $SYS/x", false}}},
		{"clients", "client meter 7\ntopic write m/7\ntopic deny m/secret\nuser ada\ntopic read a\ntopic m/secret", []question{
			{"-@meter 7 write m/7", true}, {"ada@meter 7 write m/7", true}, {"ada@meter 7 read a", true}, {"ada@x write m/7", false},
			{"ada@meter 7 read m/secret", false}, {"ada@x read m/secret", true}}},
		{"subscribing is free without a word about it", "topic deny a\nuser ada\ntopic subscribe b", []question{
			{"-@c subscribe a", true}, {"-@c subscribe #", true}, {"ada@c subscribe #", false}, {"ada@c subscribe b", true}, {"ada@c read b", false}}},
		{"a filter has to be covered", "topic subscribe a/#\ntopic subscribe +/b\ntopic deny a/secret/#", []question{
			{"-@c subscribe a", true}, {"-@c subscribe a/#", true}, {"-@c subscribe a/+/x", true}, {"-@c subscribe x/b", true}, {"-@c subscribe +/b", true},
			{"-@c subscribe #", false}, {"-@c subscribe +/+", false}, {"-@c subscribe x/#", false}, {"-@c subscribe +/#", false},
			{"-@c subscribe a/secret", false}, {"-@c subscribe a/secret/x", false}, {"-@c subscribe a/secret/#", false}}},
		{"everything may be subscribed to, not $SYS", "topic subscribe #", []question{
			{"-@c subscribe #", true}, {"-@c subscribe +/x", true}, {"-@c subscribe $SYS/#", false}}},
		{"the filter inside of a share", "topic subscribe a/#", []question{
			{"-@c subscribe $share/g/a/b", true}, {"-@c subscribe $share/g/b", false}, {"-@c subscribe $share/g/#", false}}},
		{"what a content filter delivers", "topic read a/#\ntopic subscribe a/#\ntopic read $filter/#", []question{
			{"-@c read $filter/hot/a/b", true}, {"-@c read $filter/hot/b", false}, {"-@c read $filter/hot", true},
			{"-@c subscribe $filter/hot/a/+", true}, {"-@c subscribe $filter/hot/#", false}, {"-@c subscribe $share/g/$filter/hot/a/#", true}}},
		{"subscribing by pattern", "pattern subscribe d/%c/#", []question{
			{"-@x subscribe d/x/#", true}, {"-@x subscribe d/+/#", false}, {"-@x subscribe d/y", false}}},
		{"spaces, comments, ends of lines", "# topic no\r\n\r\n  topic   read   a b/c  \r\nuser  ada lovelace \t\ntopic read  x\n", []question{
			{"-@c read a b/c", true}, {"-@c read no", false}, {"ada lovelace@c read x", true}}},
		{"a word that stands alone is the topic", "topic read\ntopic deny", []question{{"-@c write read", true}, {"-@c read deny", true}}},
		{"many lines in one place", "topic read l/" + strings.Join(strings.Split("abcdefghijklm", ""), "/x\ntopic read l/"), []question{
			{"-@c read l/a/x", true}, {"-@c read l/h/x", true}, {"-@c read l/i/x", true}, {"-@c read l/m", true}, {"-@c read l/m/x", false}, {"-@c read l/n/x", false}}},
		{"levels that are empty", "topic read /a\ntopic read b/\ntopic read c//d", []question{
			{"-@c read /a", true}, {"-@c read a", false}, {"-@c read b/", true}, {"-@c read b", false}, {"-@c read c//d", true}, {"-@c read c/d", false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rules(t, tt.file)
			for _, q := range tt.questions {
				if got, _ := ask(t, r, q.ask); got != q.want {
					t.Errorf("%s: %v, want %v", q.ask, got, q.want)
				}
			}
		})
	}
}

func TestRulesExplain(t *testing.T) {
	r := rules(t, "# rules\ntopic read a/#\ntopic deny a/x\n\npattern write c/%c\nuser ada\ntopic subscribe a/#\n")
	tests := []struct {
		ask  string
		line int
		text string
	}{
		{"-@c read a/b", 2, "topic read a/#"},
		{"-@c read a/x", 3, "topic deny a/x"},
		{"ada@c write c/c", 5, "pattern write c/%c"},
		{"ada@c subscribe a/b", 7, "topic subscribe a/#"},
		{"ada@c subscribe b", 0, "no line grants it"},
		{"-@c subscribe b", 0, "no subscribe line"},
		{"-@c+ write c/c", 0, "+ or #"},
	}
	for _, tt := range tests {
		if _, d := ask(t, r, tt.ask); d.Line != tt.line || !strings.Contains(d.Text, tt.text) {
			t.Errorf("%s: %+v, want line %d: %s", tt.ask, d, tt.line, tt.text)
		}
	}
}

func TestRulesErrors(t *testing.T) {
	tests := []struct{ name, file, want string }{
		{"unknown word", "\ntopik a", `2: "topik" is no word that begins a line`},
		{"unknown right", "topic rw a", `1: "rw" is no right (hint: read, write,`},
		{"no topic", "topic", "1: topic names no topic"},
		{"no filter in a pattern", "pattern  ", "1: pattern names no topic"},
		{"no user", "user", "1: user names nobody"},
		{"no client", "client ", "1: client names nobody"},
		{"a filter that is none", "topic read a#", "1: invalid topic filter"},
		{"# not at the end", "topic read #/a", "1: invalid topic filter"},
		{"a comment that is indented", " # x", "1: \"#\" is no word that begins a line (hint: a comment has its # in the first column)"},
		{"a tab", "topic\tread a", "1: a tab or a zero"},
		{"not UTF-8", "topic read \xff", "1: invalid topic: it is not UTF-8"},
		{"a long word", strings.Repeat("x", 1000), `1: "` + strings.Repeat("x", 40) + `..."`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := access.ParseRules([]byte(tt.file))
			lines := access.LineErrors(err)
			if len(lines) != 1 || !strings.Contains(lines[0].Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRulesErrorsAll(t *testing.T) {
	_, err := access.ParseRules([]byte("a\ntopic b\nc\n" + strings.Repeat("d\n", 1000)))
	lines := access.LineErrors(err)
	if len(lines) != 20 || lines[0].Line != 1 || lines[1].Line != 3 {
		t.Errorf("%d wrong lines are told of: %v", len(lines), err)
	}
	if lines := access.LineErrors(errors.New("else")); lines != nil {
		t.Errorf("another error has lines: %v", lines)
	}
}

func TestRulesAllocateNothing(t *testing.T) {
	r := rules(t, "user ada\ntopic a/+/b\ntopic deny a/x/b\npattern u/%u/%c/#")
	c := r.For("ada", "c1")
	c.MayRead("a")
	for _, name := range []string{"a/y/b", "a/x/b", "u/ada/c1/x/y", "none", "$SYS/x"} {
		if n := testing.AllocsPerRun(100, func() { c.MayRead(name); c.MayWrite(name) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkRules(b *testing.B) {
	var few, many strings.Builder
	few.WriteString("user ada\ntopic read site/+/temperature\ntopic readwrite site/ada/#\npattern write dev/%c/#\n")
	many.WriteString(few.String())
	for i := range 1000 {
		many.WriteString("topic read other/" + strings.Repeat("x", i%7) + "/" + strings.Repeat("y", i%11) + "\n")
	}
	for name, text := range map[string]string{"few": few.String(), "thousand": many.String()} {
		for _, topic := range []string{"site/lake/temperature", "dev/c1/up/battery", "nothing/of/this"} {
			b.Run(name+"/"+topic, func(b *testing.B) {
				c := rules(b, text).For("ada", "c1")
				for b.Loop() {
					c.MayWrite(topic)
				}
			})
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add("topic read a/#\nuser ada\ntopic deny a/+\npattern write %u/%c-x/#\nclient c\ntopic subscribe b", "ada", "c", "a/b")
	f.Add("pattern %c%u/%c", "a/", "/", "///")
	f.Add("pattern read #\npattern deny %u/#", "$SYS", "", "$SYS/x")
	f.Fuzz(func(t *testing.T, file, user, id, topic string) {
		r, err := access.ParseRules([]byte(file))
		if err != nil {
			if access.LineErrors(err) == nil {
				t.Errorf("an error without a line: %v", err)
			}
			return
		}
		c := r.For(user, id)
		for right, got := range map[access.Right]bool{
			access.Read: c.MayRead(topic), access.Write: c.MayWrite(topic), access.Subscribe: c.MaySubscribe(topic),
		} {
			if d := r.Explain(user, id, right, topic); d.Allowed != got {
				t.Errorf("%v: the Client is told %v, and Explain says %+v", right, got, d)
			}
		}
	})
}
