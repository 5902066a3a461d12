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
	"time"

	"golang.org/x/sys/unix"

	"skerry/drivers"
)

const (
	// mostOfFile is the longest file of the kernel that is read.
	mostOfFile = 64 << 10
	// mostStuck is how many reads may hang in the kernel at a time: each holds a thread.
	mostStuck = 8
)

// Files gives the kernel's, see drivers.Buses.
func (b *Board) Files() drivers.Files { return b.files }

// kernelFiles reads files below a root in goroutines of their own: the kernel's driver may talk to a device that does not
// answer, and such a read cannot be cancelled.
type kernelFiles struct {
	root  string
	slots chan struct{}
}

func newKernelFiles(root string) *kernelFiles {
	return &kernelFiles{root: root, slots: make(chan struct{}, mostStuck)}
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
	select {
	case f.slots <- struct{}{}:
	default:
		return nil, fmt.Errorf("/%s: %d files of the kernel hang already; a device does not answer its driver", name, mostStuck)
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-f.slots }()
		data, err := call(filepath.Join(f.root, name))
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("/%s does not answer: %w", name, ctx.Err())
	}
}

// dialTimeout is how long a device on the local network may take to answer.
const dialTimeout = 5 * time.Second

// Dial connects by TCP, see drivers.Buses.
func (b *Board) Dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
}
