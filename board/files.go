package board

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"skerry/drivers"
)

// mostOfFile is the longest file of the kernel that is read.
const mostOfFile = 64 << 10

// Files gives the kernel's, see drivers.Buses.
func (b *Board) Files() drivers.Files { return b.files }

// kernelFiles reads files below a root in goroutines of their own: the kernel's driver may talk to a device that does not
// answer, and such a read cannot be cancelled. A file whose read was left behind is not asked again until that has returned: it holds a
// thread, and so each file holds only as many as there are sensors that read it.
type kernelFiles struct {
	root string

	mu    sync.Mutex
	hangs map[string]*hang // by name
}

// hang is a file with reads that were left behind.
type hang struct {
	since time.Time
	reads int
}

func newKernelFiles(root string) *kernelFiles {
	return &kernelFiles{root: root, hangs: map[string]*hang{}}
}

func (f *kernelFiles) ReadFile(ctx context.Context, name string) ([]byte, error) {
	return f.do(ctx, name, func(path string) ([]byte, error) {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		data, err := io.ReadAll(io.LimitReader(file, mostOfFile+1))
		if err == nil && len(data) > mostOfFile {
			err = fmt.Errorf("is longer than %d bytes", mostOfFile)
		}
		return data, err
	})
}

func (f *kernelFiles) WriteFile(ctx context.Context, name string, data []byte) error {
	data = slices.Clone(data) // the caller may be gone when it is written
	_, err := f.do(ctx, name, func(path string) ([]byte, error) {
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		_, err = file.Write(data)
		return nil, errors.Join(err, file.Close())
	})
	return err
}

func (f *kernelFiles) Space(ctx context.Context, name string) (free, size uint64, err error) {
	var st unix.Statfs_t
	_, err = f.do(ctx, name, func(path string) ([]byte, error) { return nil, unix.Statfs(path, &st) })
	if err != nil {
		return 0, 0, err // st may still be written to
	}
	return st.Bavail * uint64(st.Bsize), st.Blocks * uint64(st.Bsize), nil
}

func (f *kernelFiles) Glob(pattern string) ([]string, error) {
	if !fs.ValidPath(pattern) {
		return nil, fmt.Errorf("%s: %w", pattern, filepath.ErrBadPattern)
	}
	paths, err := filepath.Glob(filepath.Join(f.root, pattern))
	for i, p := range paths {
		paths[i], _ = filepath.Rel(f.root, p)
	}
	return paths, err
}

// do runs call and abandons it when the context ends.
func (f *kernelFiles) do(ctx context.Context, name string, call func(path string) ([]byte, error)) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if err := f.ready(ctx, name); err != nil {
		return nil, err
	}
	type result struct {
		data []byte
		err  error
	}
	done, left := make(chan result, 1), false
	go func() {
		data, err := call(filepath.Join(f.root, name))
		f.mu.Lock()
		defer f.mu.Unlock()
		if left {
			f.freed(name)
		}
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case r := <-done: // in the last moment
		return r.data, r.err
	default:
	}
	left = true
	f.hung(name)
	return nil, fmt.Errorf("/%s does not answer: %w", name, ctx.Err())
}

// ready tells why a file is not to be asked now.
func (f *kernelFiles) ready(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("/%s was not asked: %w", name, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if h := f.hangs[name]; h != nil {
		return fmt.Errorf("/%s hangs since %v: a device does not answer its driver in the kernel; look at its wires and its supply",
			name, time.Since(h.since).Round(time.Second))
	}
	return nil
}

// hung notes a read that was left behind.
func (f *kernelFiles) hung(name string) {
	if f.hangs[name] == nil {
		f.hangs[name] = &hang{since: time.Now()}
	}
	f.hangs[name].reads++
}

// freed notes the return of one.
func (f *kernelFiles) freed(name string) {
	h := f.hangs[name]
	if h.reads--; h.reads == 0 {
		delete(f.hangs, name)
	}
}

// dialTimeout is how long a device on the local network may take to answer.
const dialTimeout = 5 * time.Second

// Dial connects by TCP, see drivers.Buses.
func (b *Board) Dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
}
