package queue

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"time"

	"skerry/queue/slotlog"
	"skerry/queue/vfs"
)

// ErrCutOff: the export does not end as one.
var ErrCutOff = errors.New("the export was cut off or changed")

// mostExportLine is longer than the line of any message.
const mostExportLine = 64 << 20

// Import writes what Export has given into dir, which must not hold a store. A store that is opened there goes on with
// all sessions where they stood: same packet ids, same states of QoS 2, same ages. After an error there may be part of
// a store in dir, which must not be used: import into a directory of its own and move DIR/log when it is done.
func Import(fs vfs.FS, dir string, from io.Reader, o Options) (Counts, error) {
	if err := fs.MkdirAll(dir); err != nil {
		return Counts{}, fmt.Errorf("make store directory: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return Counts{}, err
	}
	if slices.ContainsFunc(names, func(name string) bool { return name != "lock" }) {
		return Counts{}, fmt.Errorf("%s is not empty", dir)
	}
	i := &importer{fs: fs, dir: dir, o: o.withDefaults(), sum: sha256.New(), deleted: map[string]bool{}}
	err = i.run(from)
	if i.log != nil {
		err = errors.Join(err, i.log.Close())
	}
	return i.counts, err
}

type importer struct {
	fs  vfs.FS
	dir string
	o   Options
	log *slotlog.Log

	head     *exportHead
	journey  journey
	sessions []*sessionState
	deleted  map[string]bool // topics whose retained message is to go
	group    slotlog.Group
	bytes    int

	sum    hash.Hash
	lines  int
	counts Counts
	ended  bool
}

func (i *importer) run(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, mostExportLine)
	lines.Split(withEnds)
	for lines.Scan() {
		if err := i.line(lines.Bytes()); err != nil {
			return fmt.Errorf("line %d: %w", i.lines+1, err)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if !i.ended {
		return fmt.Errorf("%w: it has no last line", ErrCutOff)
	}
	return i.finish()
}

// withEnds splits into lines that keep their ends.
func withEnds(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if n := bytes.IndexByte(data, '\n'); n >= 0 {
		return n + 1, data[:n+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, fmt.Errorf("%w: the last line has no end", ErrCutOff)
	}
	return 0, nil, nil
}

func (i *importer) line(b []byte) error {
	var l exportLine
	if err := json.Unmarshal(b, &l); err != nil {
		return fmt.Errorf("%w: %w", ErrCutOff, err)
	}
	if err := i.take(&l); err != nil {
		return err
	}
	i.sum.Write(b)
	i.lines++
	return nil
}

func (i *importer) take(l *exportLine) error {
	switch {
	case i.ended:
		return fmt.Errorf("%w: something follows the last line", ErrCutOff)
	case i.head == nil:
		if l.Head == nil {
			return errors.New("this is no export of a store")
		}
		i.head = l.Head
		if i.head.Version != exportVersion {
			return fmt.Errorf("%w (format %d of an export)", ErrFormat, i.head.Version)
		}
		return nil
	case i.log == nil:
		if l.Store == nil {
			return errors.New("the line of the store is missing")
		}
		return i.begin(l.Store)
	}
	return i.content(l)
}

// content takes what an export holds.
func (i *importer) content(l *exportLine) error {
	switch {
	case l.Fact != nil:
		i.counts.Facts++
		return i.append(recPut, appendFact(nil, l.Fact.Space, string(l.Fact.Key), l.Fact.Value))
	case l.Session != nil:
		i.counts.Sessions++
		x, err := l.Session.state()
		if err != nil {
			return err
		}
		i.sessions = append(i.sessions, x)
		r := sessionRecord{x.number, x.o}
		return i.append(recSession, r.append(nil))
	case l.Message != nil:
		i.counts.Messages++
		if l.Message.Retain { // it may be retained no more
			i.deleted[string(l.Message.Topic)] = true
		}
		return i.message(l.Message)
	case l.Retained != nil:
		i.counts.Retained++
		if err := i.deleteRetained(); err != nil {
			return err
		}
		if !l.Retained.Retain || len(l.Retained.To) > 0 || len(l.Retained.Payload) == 0 {
			return fmt.Errorf("message to %q is not retained", l.Retained.Topic)
		}
		return i.message(l.Retained)
	case l.End != nil:
		return i.end(l.End)
	}
	return errors.New("this version does not know what it is")
}

// begin opens the log, whose blocks bear the number of an Open that comes after all the others.
func (i *importer) begin(e *exportStore) (err error) {
	if i.journey, err = e.journey(); err != nil {
		return err
	}
	i.log, err = slotlog.Open(i.fs, filepath.Join(i.dir, "log"), slotlog.Options{
		SlotSize: i.o.SlotSize, BlockSize: i.o.BlockSize, Boot: i.journey.boot + 1,
	})
	if err != nil {
		return err
	}
	i.log.Replay(func(slotlog.Record) {})
	return nil
}

func (i *importer) message(e *exportMessage) error {
	body, err := e.record(i.log.Boot())
	if err != nil {
		return err
	}
	return i.append(recMessage, body)
}

// deleteRetained makes sure that nothing is retained which came along with a message that was owed to somebody.
func (i *importer) deleteRetained() error {
	for topic := range i.deleted {
		gone := exportMessage{Topic: text(topic), Retain: true, Boot: i.journey.boot}
		if err := i.message(&gone); err != nil {
			return err
		}
	}
	clear(i.deleted)
	return nil
}

// append puts a record into the log, many with one flush.
func (i *importer) append(typ byte, body []byte) error {
	if len(body) > i.log.MaxRecord() {
		return fmt.Errorf("%d bytes, at most %d: %w", len(body), i.log.MaxRecord(), ErrTooLarge)
	}
	i.group.Append(typ, body)
	i.bytes += len(body)
	const enough = 512 << 10
	if i.bytes < enough {
		return nil
	}
	return i.commit()
}

func (i *importer) commit() error {
	if i.group.Len() == 0 {
		return nil
	}
	err := i.log.Commit(&i.group)
	i.group.Reset()
	i.bytes = 0
	return err
}

// end compares what came with what was sent.
func (i *importer) end(e *exportEnd) error {
	switch {
	case e.Lines != i.lines || e.Counts != i.counts:
		return fmt.Errorf("%w: %d lines with %v were sent, %d lines with %v came", ErrCutOff, e.Lines, e.Counts, i.lines, i.counts)
	case e.SHA256 != hex.EncodeToString(i.sum.Sum(nil)):
		return fmt.Errorf("%w: the checksum here is not that of the lines before", ErrCutOff)
	}
	i.ended = true
	return nil
}

// finish writes what no ordinary record says, and the end of a log that was closed in good order.
func (i *importer) finish() error {
	if err := i.deleteRetained(); err != nil {
		return err
	}
	for _, x := range i.sessions {
		if err := i.append(recState, x.append([]byte{stateSession})); err != nil {
			return err
		}
	}
	i.journey.damaged = i.head.Skip
	if err := i.append(recState, i.journey.append([]byte{stateJourney})); err != nil {
		return err
	}
	now := i.o.Boot.Clock()
	boot := bootRecord{number: i.log.Boot(), flags: bootMoved, wall: time.Now().UnixMilli(), at: now, id: i.o.Boot.ID}
	if err := i.append(recBoot, boot.append(nil)); err != nil {
		return err
	}
	end := timeRecord{at: now, wall: time.Now().UnixMilli()}
	if err := i.append(recEnd, end.append(nil)); err != nil {
		return err
	}
	return i.commit()
}
