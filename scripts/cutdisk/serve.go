//go:build !arm && !386

package cutdisk

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// canServe: the FUSE library builds for this architecture.
const canServe = true

// Served runs the server of a device if the program was started as one by Open. main calls it first and ends with the code
// when it was.
func Served() (code int, was bool) {
	if len(os.Args) != 3 || os.Args[1] != serveArg {
		return 0, false
	}
	if err := serve(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "cutdisk:", err)
		return 1, true
	}
	return 0, true
}

func serve(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return fmt.Errorf("read the order: %w", err)
	}
	d, err := newDevice(o)
	if err != nil {
		return err
	}
	options := &fs.Options{}
	options.MaxWrite = 1 << 20
	options.DirectMountStrict = true
	options.DisableSplice = true // large reads would be more than a pipe takes, and each is logged
	options.Name, options.FsName = "cutdisk", "cutdisk"
	server, err := fs.Mount(o.Folder, &folder{device: d}, options)
	if err != nil {
		return fmt.Errorf("mount the device: %w", err)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the one who started us closes it, or is gone
	return errors.Join(unmount(server), d.close())
}

func unmount(server *fuse.Server) error {
	err := server.Unmount()
	if err == nil {
		server.Wait()
	}
	return err
}

func newDevice(o order) (*device, error) {
	data, err := mapped(os.NewFile(fdData, "data"), o.Size)
	if err != nil {
		return nil, err
	}
	counts, err := mapPage(os.NewFile(fdCounters, "counters"))
	if err != nil {
		return nil, err
	}
	d := &device{latency: o.Latency, data: data, counts: counts}
	trace := os.NewFile(fdTrace, "trace")
	if info, err := trace.Stat(); err == nil && info.Mode().IsRegular() {
		d.trace = bufio.NewWriterSize(trace, 1<<20)
	}
	return d, nil
}

func (d *device) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.trace != nil {
		d.err = errors.Join(d.err, d.trace.Flush())
	}
	return d.err
}
