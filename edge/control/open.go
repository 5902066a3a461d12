package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"skerry/queue"
	"skerry/queue/vfs"
)

// Open gives the desk of the station whose data directory dir is: of the running one if it runs, else one on the stopped store.
// write says that requests will change something; without it a stopped store is opened for reading only.
func Open(dir string, write bool) (Desk, error) {
	if err := exists(dir); err != nil {
		return nil, err
	}
	var files vfs.FS = vfs.ReadOnly{}
	if write {
		files = vfs.OS{}
	}
	store, found, err := queue.Open(files, dir, queue.Options{})
	if errors.Is(err, queue.ErrLocked) {
		return &remote{dir}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the store: %w%s", err, openHint(err))
	}
	messages, bytes := retained(store, found)
	return &local{station: &Station{Store: store, Report: found.Report, Retained: func() (int, int) { return messages, bytes }}}, nil
}

// retained counts what a broker on this store would give to new subscribers.
func retained(store *queue.Store, found *queue.Recovery) (messages, bytes int) {
	for _, m := range found.Retained {
		if m.HasExpiry && store.Age(m) >= time.Duration(m.Expiry)*time.Second {
			continue
		}
		messages++
		bytes += len(m.TopicName) + len(m.Properties) + len(m.Payload)
	}
	return messages, bytes
}

// exists tells whether there is a store in dir: one that was never written to has a lock only.
func exists(dir string) error {
	for _, name := range []string{"log", "lock"} {
		_, err := os.Stat(filepath.Join(dir, name))
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("look into the data directory: %w%s", err, openHint(err))
		}
	}
	return fmt.Errorf("there is no store in %s (hint: --store DIR is the data directory, storage.path of the configuration)", dir)
}

func openHint(err error) string {
	switch {
	case errors.Is(err, queue.ErrFormat):
		return " (hint: nothing was changed)"
	case errors.Is(err, fs.ErrPermission):
		return " (hint: only root and the user that skerry runs as may look into it)"
	case errors.Is(err, syscall.EROFS):
		return " (hint: the file system is read-only; if it was not made so, `dmesg` tells whether the card or disk is failing)"
	case errors.Is(err, syscall.ENOSPC):
		return " (hint: the file system is full; `df -h` shows which)"
	}
	return ""
}

func dialHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return " (hint: only root and the user that skerry runs as may ask it)"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return " (hint: the store is in use, but nobody answers there: another `skerry queue`, or a station that could not make its socket; its log says why)"
	}
	return ""
}

// local is the desk of a stopped station.
type local struct {
	station *Station
	once    sync.Once
	err     error
}

func (d *local) Live() bool { return false }

func (d *local) Ask(ctx context.Context, r Request, row func(json.RawMessage) error) error {
	return d.station.Answer(ctx, r, func(v any) error {
		text, ok := v.(json.RawMessage)
		if !ok {
			var err error
			if text, err = json.Marshal(v); err != nil {
				return err
			}
		}
		return row(text)
	})
}

func (d *local) Close() error {
	d.once.Do(func() { d.err = d.station.Store.Close() })
	return d.err
}
