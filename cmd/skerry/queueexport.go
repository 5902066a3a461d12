package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"skerry/edge/control"
	"skerry/queue"
)

// queueExportCmd is `skerry queue export`.
type queueExportCmd struct {
	storeFlags
	File string `arg:"" optional:"" default:"-" help:"The file, which must not exist; - is standard output."`
}

// Help stands behind the flags.
func (*queueExportCmd) Help() string {
	return `The content is that of one moment: sessions and the state of their deliveries, messages that wait, retained messages, what the
broker and the gateway remember. It is JSON in lines, the last of which has counts and a checksum: a file that was cut off is noticed.
It holds payloads and user names, no passwords; only its owner can read the file.

To move a station: stop it, export, import on the other machine, start there. An export of a running station is a backup: whoever
goes on from it may deliver again what was acknowledged since. While it lasts the station gets no space back, and one that is full
drops messages then: name a file rather than a slow pipe.`
}

// Run writes the lines.
func (c *queueExportCmd) Run(ctx context.Context) (err error) {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	out := os.Stdout
	if c.File != "-" { // before root becomes somebody who may not write there
		out, err = os.OpenFile(c.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s exists already (hint: an export replaces nothing; name another file)", c.File)
		}
		if err != nil {
			return err
		}
		defer func() {
			if err != nil && !errors.Is(err, queue.ErrDamaged) {
				out.Truncate(0) // what is there would not be an export
				os.Remove(c.File)
			}
			err = errors.Join(err, out.Close())
		}()
	}
	d, err := c.openIn(dir, false)
	if err != nil {
		return err
	}
	defer d.Close()
	return c.copy(ctx, d, out)
}

func (c *queueExportCmd) copy(ctx context.Context, d control.Desk, to *os.File) error {
	buf := bufio.NewWriterSize(to, 256<<10)
	var last json.RawMessage
	err := d.Ask(ctx, control.Request{Do: control.Export}, func(row json.RawMessage) error {
		last = row
		_, err := buf.Write(append(row, '\n'))
		return err
	})
	if err == nil {
		err = buf.Flush()
	}
	if err == nil && to != os.Stdout {
		err = to.Sync()
	}
	if err == nil && damaged(last) {
		err = queue.ErrDamaged
	}
	return err
}

// damaged tells whether the last line of an export says so.
func damaged(line json.RawMessage) bool {
	var l struct {
		End struct {
			Damaged bool `json:"damaged"`
		} `json:"end"`
	}
	return json.Unmarshal(line, &l) == nil && l.End.Damaged
}

// queueImportCmd is `skerry queue import`.
type queueImportCmd struct {
	storeFlags
	File string `arg:"" help:"A file from skerry queue export; - is standard input."`
}

// Help stands behind the flags.
func (*queueImportCmd) Help() string {
	return `The data directory must hold no store: it may be missing or empty. When all was read and fits its checksum, the store is there as a
whole; before that, nothing is. The station then goes on where the other one stood: same sessions, same Packet Identifiers, nothing
lost and nothing twice.`
}

// Run makes the store.
func (c *queueImportCmd) Run() error {
	storage, err := c.storage()
	if err != nil {
		return err
	}
	dir := storage.Path
	in := io.Reader(os.Stdin)
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if err := makeDir(dir); err != nil {
		return err
	}
	if err := becomeOwner(dir); err != nil {
		return err
	}
	counts, err := importStore(dir, in, queue.Options{BlockSize: int(storage.Block)})
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s waiting, %s retained\n", several(counts.Sessions, "session"), several(counts.Messages, "message"), several(counts.Retained, "message"))
	return nil
}
