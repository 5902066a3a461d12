package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"text/tabwriter"

	"skerry/drivers/all"
	"skerry/edge/config"
	"skerry/edge/control"
)

// queueCmd is `skerry queue`.
type queueCmd struct {
	Ls     queueLsCmd     `cmd:"" help:"List the sessions, and what waits for each."`
	Peek   queuePeekCmd   `cmd:"" help:"Show the next messages of a session without taking them."`
	Verify queueVerifyCmd `cmd:"" help:"Read everything and say what is damaged."`
	Export queueExportCmd `cmd:"" help:"Write the whole content to a file."`
	Import queueImportCmd `cmd:"" help:"Make a store of such a file."`
	Purge  queuePurgeCmd  `cmd:"" help:"Drop what waits for a session."`
	Stats  queueStatsCmd  `cmd:"" help:"Show what was written, and how long the card will last."`
}

// Help stands behind the verbs.
func (*queueCmd) Help() string {
	return `They work on a station that runs, which is asked through the socket "control" in its data directory, and on one that is
stopped, whose store they read themselves. Only root and the user that the station runs as may. Looking changes nothing.`
}

// storeFlags say which store.
type storeFlags struct {
	Store  string `type:"path" placeholder:"DIR" help:"The data directory. Without it, storage.path of the configuration."`
	Config string `default:"/etc/skerry/skerry.yaml" placeholder:"FILE" help:"Configuration that names the data directory (${default})."`
}

// dir is the data directory that the flags mean.
func (f *storeFlags) dir() (string, error) {
	s, err := f.storage()
	return s.Path, err
}

// storage is what the configuration says of the store; with --store, nothing but where it is.
func (f *storeFlags) storage() (config.Storage, error) {
	if f.Store != "" {
		return config.Storage{Path: f.Store}, nil
	}
	if _, err := os.Stat(f.Config); errors.Is(err, fs.ErrNotExist) {
		return config.Storage{}, fmt.Errorf("which store? There is no configuration %s (hint: --store DIR names the data directory, --config FILE the configuration)", f.Config)
	}
	cfg, err := config.Load(f.Config, all.Kinds())
	if err != nil {
		return config.Storage{}, err
	}
	return cfg.Storage, nil
}

// lookFlags are those of all verbs that show something.
type lookFlags struct {
	storeFlags
	JSON bool `name:"json" help:"JSON objects, one in each line."`
}

// open gives the desk of the station.
func (f *storeFlags) open() (control.Desk, error) {
	dir, err := f.dir()
	if err != nil {
		return nil, err
	}
	return f.openIn(dir, false)
}

// openIn gives it as the user whom the store belongs to: what root made there the station could not read.
func (f *storeFlags) openIn(dir string, write bool) (control.Desk, error) {
	if err := becomeOwner(dir); err != nil {
		return nil, err
	}
	return control.Open(dir, write)
}

// ask prints the rows of an answer as they are, or gathers them for show. The store is given back before anything is printed: who
// reads it through a pager must not keep the station from starting. see is called for each row in both cases.
func ask[T any](ctx context.Context, f *lookFlags, r control.Request, see func(*T), show func(d control.Desk, rows []T) error) error {
	d, err := f.open()
	if err != nil {
		return err
	}
	defer d.Close()
	var rows []T
	var raw bytes.Buffer
	left := mostShown
	err = d.Ask(ctx, r, func(text json.RawMessage) error {
		if left -= len(text); left < 0 {
			return fmt.Errorf("the answer is larger than %s (hint: fewer with --number; `skerry queue export` gives everything)", size(uint64(mostShown)))
		}
		var row T
		err := json.Unmarshal(text, &row)
		see(&row)
		if f.JSON {
			raw.Write(append(text, '\n'))
		} else {
			rows = append(rows, row)
		}
		return err
	})
	if err == nil {
		err = d.Close()
	}
	if err != nil {
		return err
	}
	if f.JSON {
		_, err := os.Stdout.Write(raw.Bytes())
		return err
	}
	return show(d, rows)
}

// mostShown bounds the memory that an answer takes: the station, beside which this runs, needs it more.
var mostShown = 32 << 20 // changed in tests

// unseen is for answers that need no second look.
func unseen[T any](*T) {}

// columns is a table on standard output.
func columns() *tabwriter.Writer { return tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0) }
