package cutdisk

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// serveArg, as first argument, makes the program the server of a device: see Served.
const serveArg = "serve-cutdisk"

// order is what the server is told as its second argument.
type order struct {
	Folder  string // where to mount
	Size    int64
	Latency Latency
}

// The files that the server inherits, beside standard input: its end is the order to stop.
const (
	fdData = 3 + iota
	fdCounters
	fdTrace // empty: no trace is wanted
)

// deviceFile is the name of the device in its folder.
const deviceFile = "disk"

// Latency is how long the device takes. It does one thing at a time. Zero is as fast as memory.
type Latency struct {
	Write time.Duration // each write
	Page  time.Duration // each 4 KiB written, beside that
	Flush time.Duration // each flush
}

// Options of a Disk.
type Options struct {
	Base    []byte // what is on the device already; nil: a new file system of these sizes:
	Size    int64  // bytes; default 128 MiB
	Block   int    // bytes of a block of ext4; default 4096, as mkfs.ext4 chooses for all but small disks
	Trace   bool   // record every op
	Latency Latency
}

// A Disk is a mounted ext4 file system on a device of ours. Its methods are for one goroutine, Counters and Op for all.
type Disk struct {
	Folder string // where the file system is mounted

	fuse     string
	server   *exec.Cmd
	lifeline io.Closer // the server ends when this is closed
	data     *os.File
	trace    *os.File
	counts   *page
	base     []byte
}

// Open makes a file system of its own below dir, which must be empty, and mounts it. The program must have called Isolate and
// Served before.
func Open(dir string, o Options) (*Disk, error) {
	if o.Base != nil {
		o.Size = int64(len(o.Base))
	}
	if o.Size == 0 {
		o.Size = 128 << 20
	}
	d := &Disk{Folder: filepath.Join(dir, "disk"), fuse: filepath.Join(dir, "fuse")}
	if err := errors.Join(os.Mkdir(d.Folder, 0o700), os.Mkdir(d.fuse, 0o700)); err != nil {
		return nil, err
	}
	if err := d.format(o); err != nil {
		return nil, err
	}
	if err := d.serve(o); err != nil {
		return nil, err
	}
	if err := d.mount(); err != nil {
		return nil, errors.Join(err, d.stop())
	}
	return d, nil
}

// format fills the device in memory, before it exists: that is no matter of the device.
func (d *Disk) format(o Options) error {
	var err error
	if d.data, err = memory("disk", o.Size); err != nil {
		return err
	}
	if o.Base != nil {
		_, err = d.data.WriteAt(o.Base, 0)
	} else {
		err = mkfs(d.data, cmp.Or(o.Block, 4096))
	}
	if err != nil {
		return fmt.Errorf("fill the device: %w", err)
	}
	if o.Trace {
		d.base = make([]byte, o.Size)
		if _, err := d.data.ReadAt(d.base, 0); err != nil {
			return fmt.Errorf("read the new file system: %w", err)
		}
	}
	return nil
}

// serve starts the server of the device in a process of its own and waits until it is ready.
func (d *Disk) serve(o Options) error {
	counters, err := memory("counters", pageSize)
	if err != nil {
		return err
	}
	if d.counts, err = mapPage(counters); err != nil {
		return err
	}
	trace, err := os.Open(os.DevNull)
	if o.Trace {
		trace, err = memory("trace", 0)
	}
	if err != nil {
		return err
	}
	d.trace = trace
	text, err := json.Marshal(order{Folder: d.fuse, Size: o.Size, Latency: o.Latency})
	if err != nil {
		return err
	}
	d.server = exec.Command("/proc/self/exe", serveArg, string(text))
	d.server.ExtraFiles = []*os.File{d.data, counters, trace}
	d.server.Stderr = os.Stderr
	return d.start()
}

func (d *Disk) start() error {
	in, err := d.server.StdinPipe()
	if err != nil {
		return err
	}
	out, err := d.server.StdoutPipe()
	if err != nil {
		return err
	}
	d.lifeline = in
	if err := d.server.Start(); err != nil {
		return fmt.Errorf("start the server of the device: %w", err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		return errors.Join(fmt.Errorf("the server of the device did not become ready: %w", err), d.stop())
	}
	return nil
}

func (d *Disk) mount() error {
	f, err := os.OpenFile(filepath.Join(d.fuse, deviceFile), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open the device: %w", err)
	}
	defer f.Close()
	return mountLoop(f, d.Folder)
}

// Counters of the device as they are now.
func (d *Disk) Counters() Counters { return d.counts.read() }

// Op is the number of the last op that is complete.
func (d *Disk) Op() int { return int(d.counts.ops.Load()) }

// Trace is what was done since Open. The Disk must be closed.
func (d *Disk) Trace() (*Trace, error) {
	if _, err := d.trace.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	ops, err := readTrace(d.trace)
	return &Trace{Base: d.base, ops: ops}, err
}

// Close unmounts the file system, which writes what it has in memory, and ends the server.
func (d *Disk) Close() error {
	if err := Unmount(d.Folder); err != nil {
		return errors.Join(err, d.server.Process.Kill(), d.server.Wait())
	}
	return d.stop()
}

func (d *Disk) stop() error {
	d.lifeline.Close()
	defer d.data.Close() // the memory of a device is not left to the garbage collector
	if err := d.server.Wait(); err != nil {
		return fmt.Errorf("server of the device: %w", err)
	}
	return nil
}
