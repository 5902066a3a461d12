package sim

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// Files are the simulated files of the kernel: each is a function that makes up its content, as in the kernel.
type Files struct {
	mu    sync.Mutex
	files map[string]File
	hangs map[string]bool          // folders whose files do not answer
	used  func() (percent float64) // of the disk; nil: a fifth
}

// File is one of them. Nil functions are what a user may not do.
type File struct {
	Read  func() (string, error)
	Write func(data string) error
}

// Text is a file that always says the same.
func Text(s string) File { return File{Read: func() (string, error) { return s, nil }} }

// Set makes a file, without a leading slash.
func (f *Files) Set(name string, file File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.files == nil {
		f.files = map[string]File{}
	}
	f.files[name] = file
}

// Remove takes a file away, as when a device is unplugged.
func (f *Files) Remove(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.files, name)
}

// Hang has reads and writes below a folder not return before they are given up, as when a driver of the kernel waits for its device.
func (f *Files) Hang(folder string, hangs bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hangs == nil {
		f.hangs = map[string]bool{}
	}
	f.hangs[folder] = hangs
}

// SetUsed makes up how full the disk is.
func (f *Files) SetUsed(percent func() float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.used = percent
}

// wait returns at once, unless the file hangs.
func (f *Files) wait(ctx context.Context, name string) {
	f.mu.Lock()
	hangs := false
	for folder, is := range f.hangs {
		hangs = hangs || is && (name == folder || strings.HasPrefix(name, folder+"/"))
	}
	f.mu.Unlock()
	if hangs {
		<-ctx.Done()
	}
}

func (f *Files) file(op, name string) (File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.files[name]
	if !ok {
		return File{}, &fs.PathError{Op: op, Path: "/" + name, Err: fs.ErrNotExist}
	}
	return file, nil
}

// ReadFile reads a file, see drivers.Files.
func (f *Files) ReadFile(ctx context.Context, name string) ([]byte, error) {
	f.wait(ctx, name)
	file, err := f.file("read", name)
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, fmt.Errorf("/%s does not answer: %w", name, ctx.Err())
	case file.Read == nil:
		return nil, &fs.PathError{Op: "read", Path: "/" + name, Err: fs.ErrPermission}
	}
	text, err := file.Read()
	return []byte(text), err
}

// WriteFile writes to a file, see drivers.Files.
func (f *Files) WriteFile(ctx context.Context, name string, data []byte) error {
	f.wait(ctx, name)
	file, err := f.file("write", name)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("/%s does not answer: %w", name, ctx.Err())
	case file.Write == nil:
		return &fs.PathError{Op: "write", Path: "/" + name, Err: fs.ErrPermission}
	}
	return file.Write(string(data))
}

// Space says that a fifth is used, or what SetUsed makes up; see drivers.Files.
func (f *Files) Space(ctx context.Context, name string) (free, size uint64, err error) {
	f.mu.Lock()
	used := f.used
	f.mu.Unlock()
	percent := 20.0
	if used != nil {
		percent = min(max(used(), 0), 100)
	}
	return uint64((100 - percent) / 100 * (30 << 30)), 30 << 30, ctx.Err()
}

// Glob lists files, and folders that have some, see drivers.Files.
func (f *Files) Glob(pattern string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	found := map[string]bool{}
	for name := range f.files {
		for ; name != "."; name = path.Dir(name) {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return nil, err
			}
			if ok {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
