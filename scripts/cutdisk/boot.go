package cutdisk

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Boot is the identity of the running kernel, as the programs of this mount namespace see it. A program that compares it with
// the one before its start tells a power cut from a crash; here there are power cuts without a new kernel.
type Boot struct {
	mu     sync.Mutex
	f      *os.File
	number int
}

// NewBoot lays a file of dir over the kernel's. Isolate must have been called.
func NewBoot(dir string) (*Boot, error) {
	const kernels = "/proc/sys/kernel/random/boot_id"
	f, err := os.Create(filepath.Join(dir, "boot_id"))
	if err != nil {
		return nil, err
	}
	b := &Boot{f: f}
	if err := b.Next(); err != nil {
		return nil, err
	}
	if err := unix.Mount(f.Name(), kernels, "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mount %s over %s: %w", f.Name(), kernels, err)
	}
	return b, nil
}

// Next lets every program that starts from now on believe that the kernel has started anew.
func (b *Boot) Next() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.number++
	_, err := b.f.WriteAt(fmt.Appendf(nil, "5ce77000-0000-4000-8000-%012x\n", b.number), 0)
	return err
}
