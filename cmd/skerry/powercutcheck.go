package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"skerry/queue/canary"
	"skerry/queue/vfs"
)

// powercutCheckCmd is `skerry powercut check`.
type powercutCheckCmd struct {
	Dir       string  `arg:"" type:"path" help:"The directory that was written to."`
	Confirmed *uint64 `placeholder:"N" help:"The last number that was seen."`
	JSON      bool    `name:"json" help:"The verdict as a JSON object."`
	reportFlags
}

// Help stands behind the flags.
func (*powercutCheckCmd) Help() string {
	return `Ends with status 0 if the card has kept everything, with 1 if it has not. A verdict is kept in the directory; the next round may
begin then.`
}

// Validate finds wrong usage.
func (c *powercutCheckCmd) Validate() error {
	n := 0
	for _, given := range []bool{c.Confirmed != nil, c.Journal != "", c.Report != ""} {
		if given {
			n++
		}
	}
	switch n {
	case 1:
		return c.reportFlags.validate()
	case 0:
		return errors.New("which number was confirmed last? (hint: --confirmed N, --journal FILE or --report URL; --confirmed 0 if nobody knows: then only damage can be found)")
	}
	return errors.New("--confirmed, --journal and --report do not go together")
}

// Run gives the verdict on the last round.
func (c *powercutCheckCmd) Run(ctx context.Context) error {
	last, err := c.last(ctx)
	if err != nil {
		return err
	}
	v, err := canary.Check(vfs.ReadOnly{}, c.Dir, last.Confirmed, kernelBoot())
	if errors.Is(err, canary.ErrNoRound) {
		return fmt.Errorf("%s: %w (hint: skerry powercut write %s begins one)", c.Dir, err, c.Dir)
	}
	if err != nil {
		return fmt.Errorf("check %s: %w", c.Dir, err)
	}
	if last.Round != 0 && last.Round != v.Round {
		return fmt.Errorf("the number is of round %d, but the round to be checked is %d", last.Round, v.Round)
	}
	kept := v.Keep(vfs.OS{}, c.Dir) // a file system may be read-only after such a loss
	if err := c.print(v); err != nil {
		return err
	}
	if kept != nil {
		return fmt.Errorf("keep the verdict: %w", kept)
	}
	if !v.Kept() {
		return errors.New("this card does not keep its promises")
	}
	return nil
}

// last is what was confirmed.
func (c *powercutCheckCmd) last(ctx context.Context) (told, error) {
	switch {
	case c.Journal != "":
		return readJournal(c.Journal)
	case c.Report != "":
		return c.fetch(ctx)
	}
	return told{Confirmed: *c.Confirmed}, nil
}

func (c *powercutCheckCmd) print(v *canary.Verdict) error {
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(v)
	}
	for _, line := range verdict(v) {
		fmt.Println(line)
	}
	all, err := canary.Results(vfs.ReadOnly{}, c.Dir)
	if err != nil {
		return err
	}
	fmt.Println(tally(all))
	if left := v.Rounds - len(all); left > 0 {
		fmt.Printf("%d more to go: skerry powercut write %s --rounds %d\n", left, c.Dir, v.Rounds)
	}
	return nil
}

// verdict says in plain words what a round came to.
func verdict(v *canary.Verdict) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if v.Kept() {
		say("Round %d: KEPT. All %s are there.", v.Round, several(v.Confirmed, "confirmed write"))
	}
	if v.Lied() {
		say("Round %d: THE CARD LIED. It had confirmed what is not there:", v.Round)
		if v.Lost > 0 {
			say("  %s of a file that was overwritten, from number %s on, of %s confirmed;", several(v.Lost, "write"), grouped(v.FirstLost), grouped(v.Confirmed))
		}
		if v.Shorter > 0 {
			say("  the last %s of a file that grew;", several(v.Shorter, "write"))
		}
		for _, name := range v.Missing {
			say("  %s;", name)
		}
		if v.Found > 0 && v.Found < v.Confirmed {
			say("  the highest number that is there is %s. (hint: if %s was never seen, remove result-%06d and check again)",
				grouped(v.Found), grouped(v.Confirmed), v.Round)
		}
		say("With it, the newest acknowledged messages can be lost when the power goes. Take another card, or give it a power supply")
		say("that lasts a few seconds longer.")
	}
	if v.Harmed() {
		say("Round %d: THE CARD GARBLED %s that nobody was writing to, %d of them untouched since the round began.", v.Round, several(v.Garbled, "block"), v.Still)
		say("With it, anything on the card can be lost when the power goes, whatever program wrote it. Take another card.")
	}
	if n := v.Torn + v.Rubbish; n > 0 {
		say("%s that %s being written when the power went %s torn, which is allowed; the log of skerry expects it.",
			several(n, "block"), plural(n, "was", "were"), plural(n, "is", "are"))
	}
	if v.Confirmed == 0 {
		say("It is not known what was confirmed, so a lie could not be found.")
	}
	if !v.Restarted {
		say("The kernel has not been started since the writing began: what was read may come from memory, and says little about the card")
		say("unless the card itself was without power.")
	}
	return lines
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// tally sums the rounds up.
func tally(all []canary.Verdict) string {
	var kept, lied, harmed, running int
	for i := range all {
		v := &all[i]
		if v.Kept() {
			kept++
		}
		if v.Lied() {
			lied++
		}
		if v.Harmed() {
			harmed++
		}
		if !v.Restarted {
			running++
		}
	}
	parts := []string{fmt.Sprintf("%s: %d kept", several(len(all), "round"), kept)}
	if lied > 0 {
		parts = append(parts, fmt.Sprintf("%d with a lie", lied))
	}
	if harmed > 0 {
		parts = append(parts, fmt.Sprintf("%d with damage", harmed))
	}
	if running > 0 {
		parts = append(parts, fmt.Sprintf("%d without a restart in between", running))
	}
	return strings.Join(parts, ", ") + "."
}

// inShort is a verdict in one line.
func inShort(v *canary.Verdict) string {
	var parts []string
	if v.Kept() {
		parts = append(parts, "kept")
	}
	if v.Lied() {
		parts = append(parts, fmt.Sprintf("lied: %d overwritten and %d appended lost, %s missing", v.Lost, v.Shorter, several(len(v.Missing), "file")))
	}
	if v.Harmed() {
		parts = append(parts, "garbled "+several(v.Garbled, "block"))
	}
	if !v.Restarted {
		parts = append(parts, "no restart in between")
	}
	return fmt.Sprintf("round %d, %s: %s", v.Round, several(v.Confirmed, "confirmed write"), strings.Join(parts, "; "))
}

// powercutTallyCmd is `skerry powercut tally`.
type powercutTallyCmd struct {
	Dir  string `arg:"" type:"path" help:"The directory that was written to."`
	JSON bool   `name:"json" help:"A JSON object for each round, one in each line."`
}

// Run prints all verdicts.
func (c *powercutTallyCmd) Run() error {
	all, err := canary.Results(vfs.ReadOnly{}, c.Dir)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return c.none()
	}
	bad := false
	for i := range all {
		bad = bad || !all[i].Kept()
		if c.JSON {
			if err := json.NewEncoder(os.Stdout).Encode(all[i]); err != nil {
				return err
			}
			continue
		}
		fmt.Println(inShort(&all[i]))
	}
	if !c.JSON {
		fmt.Println(tally(all))
	}
	if bad {
		return errors.New("this card does not keep its promises")
	}
	return nil
}

// none says why there is no round to tell of.
func (c *powercutTallyCmd) none() error {
	if _, err := os.Stat(c.Dir); err != nil {
		return fmt.Errorf("%w (hint: name the directory that `skerry powercut write` was given)", err)
	}
	return fmt.Errorf("%s: no round was checked there (hint: skerry powercut write %s begins one, skerry powercut check %s ends it)", c.Dir, c.Dir, c.Dir)
}
