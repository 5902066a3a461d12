package main

import (
	"fmt"

	"skerry/broker/access"
	"skerry/broker/topic"
	"skerry/edge/config"
)

// aclCmd is the verb acl.
type aclCmd struct {
	File   string `arg:"" help:"The ACL file."`
	User   string `short:"u" help:"User name. Without it: somebody who has named no user."`
	Client string `short:"i" name:"client-id" aliases:"client" help:"ClientID."`
	Topic  string `short:"t" help:"Topic name; for subscribe a topic filter. Without it the file is only checked."`
	Access string `short:"a" enum:"read,write,subscribe" default:"read" help:"What is asked for: read, write or subscribe (default: ${default})."`
}

// Help stands behind the flags.
func (*aclCmd) Help() string {
	return `It prints whether the rules allow it, and the line of the file that decides. The exit status is 0 if it is allowed and 1
if not, 78 if the file is wrong.

    skerry acl acl --user ada --topic lake/wx-042/door/set --access write`
}

// denied is the answer "no": it is printed already.
type denied struct{}

func (denied) Error() string { return "denied" }

// Run asks the rules.
func (a *aclCmd) Run() error {
	rules, err := access.ReadRules(a.File)
	if err != nil {
		return notRules(a.File, err)
	}
	if a.Topic == "" {
		fmt.Printf("%s: ok\n", a.File)
		return nil
	}
	allowed, answer := a.ask(rules)
	fmt.Println(answer)
	if !allowed {
		return denied{}
	}
	return nil
}

// ask gives the answer of the rules, in words too.
func (a *aclCmd) ask(rules *access.Rules) (allowed bool, answer string) {
	d := rules.Explain(a.User, a.Client, a.right(), a.Topic)
	word := "denied"
	if d.Allowed {
		word = "allowed"
	}
	if d.Line == 0 {
		return d.Allowed, fmt.Sprintf("%s: %s", word, d.Text)
	}
	return d.Allowed, fmt.Sprintf("%s by %s:%d: %s", word, a.File, d.Line, d.Text)
}

// right is what is asked for.
func (a *aclCmd) right() access.Right {
	switch a.Access {
	case "write":
		return access.Write
	case "subscribe":
		return access.Subscribe
	}
	return access.Read
}

// Validate is called by the parser.
func (a *aclCmd) Validate() error {
	switch {
	case a.Topic == "":
		return nil
	case a.Access == "subscribe":
		return topic.ValidFilter(a.Topic)
	}
	if err := topic.ValidName(a.Topic); err != nil {
		return fmt.Errorf("%w (hint: wildcards are for --access subscribe)", err)
	}
	return nil
}

// notRules shows what is wrong in the file as that of a configuration is shown.
func notRules(file string, err error) error {
	lines := access.LineErrors(err)
	if lines == nil {
		return err
	}
	return aclLines(file, lines)
}

// aclLines gives the wrong lines their places.
func aclLines(file string, lines []*access.LineError) (wrong config.Errors) {
	for _, l := range lines {
		wrong = append(wrong, &config.Error{File: file, Line: l.Line, Column: 1, Problem: l.Problem, Hint: l.Hint})
	}
	return wrong
}
