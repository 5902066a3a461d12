// Command debtest proves the Debian package on machines of its own: a clean Debian (mmdebstrap) under its own systemd (systemd-nspawn),
// without a network but the loopback interface. They run beside each other.
//
// The first is a station through its life: it is installed from an older version's package, fills its store, is upgraded while messages wait and
// others come, rolled back, moved, removed and purged. The second has a program and a disk that hang, the third disks that fill, come late or are
// read-only. The fourth is set up by cloud-init at its first boot from docs/examples/cloud-init/user-data. Each step says what it has seen, and
// the first of a machine that fails ends that machine, and the run with status 1.
//
// Limits: root, systemd-nspawn, mmdebstrap (Debian: systemd-container, mmdebstrap), loop devices, and a Debian archive the first time. The
// architecture is this machine's, and the clock.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// packages are what the machines have besides the smallest Debian.
const packages = "systemd,systemd-sysv,dbus,mosquitto-clients,procps,util-linux,cloud-init,openssl"

// plan is a machine and what is proven on it.
type plan struct {
	name    string
	card    bool                         // it has a disk of its own to do harm to
	furnish func(root, deb string) error // nil: nothing besides what all have
	steps   []step
}

var plans = []plan{
	{name: "life", steps: life},
	{name: "hangs", card: true, steps: hangs},
	{name: "disks", card: true, steps: disks},
	{name: "first", furnish: bootPartition, steps: first},
}

// source is what the machines are made of.
type source struct {
	archive       string // of a clean Debian
	before, after string // packages
	only          string
}

func main() {
	before := flag.String("previous", "", "the package that is upgraded")
	after := flag.String("package", "", "the package that is tested")
	suite := flag.String("suite", "bookworm", "release of Debian")
	cache := flag.String("cache", "", "where the clean Debian is kept (default: debtest in the user's cache of skerry, ~/.cache/skerry)")
	only := flag.String("only", "", "of the steps after the installation, those whose name has this in it")
	base := flag.Bool("debian", false, "make the clean Debian, if there is none yet, and nothing else")
	inside := flag.String("inside", "", "this is the machine of that name")
	flag.Parse()
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer end()
	run := func() error { return outside(ctx, *before, *after, *suite, *cache, *only) }
	switch {
	case *base:
		run = func() error {
			_, err := debian(ctx, *suite, *cache)
			return err
		}
	case *inside != "":
		run = func() error { return tellSteps(*inside, *only) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "debtest:", err)
		os.Exit(1)
	}
}

// outside makes the machines, boots them, and shows what they say.
func outside(ctx context.Context, before, after, suite, cache, only string) error {
	if before == "" || after == "" {
		return errors.New("-previous and -package are needed (hint: make debtest)")
	}
	archive, err := debian(ctx, suite, cache)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "debtest")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ended := make(chan error)
	for _, p := range plans {
		go func() { ended <- p.run(ctx, filepath.Join(dir, p.name), source{archive, before, after, only}) }()
	}
	for range plans {
		err = errors.Join(err, <-ended)
	}
	return err
}

// run makes the machine in a folder, and has it prove its part.
func (p plan) run(ctx context.Context, dir string, from source) error {
	if !p.concerns(from.only) {
		return nil
	}
	root := filepath.Join(dir, "root")
	err := errors.Join(os.Mkdir(dir, 0o755), os.Mkdir(root, 0o755))
	if err == nil {
		err = p.prepare(root, from)
	}
	if err != nil {
		return fmt.Errorf("machine %s: %w", p.name, err)
	}
	var with []string
	if p.card {
		card, remove, err := makeCard(ctx, dir)
		if err != nil {
			return err
		}
		defer remove()
		with = []string{"--bind=" + card + ":/dev/card", "--bind=/sys/fs/ext4:/mnt/ext4"}
	}
	if err := boot(ctx, p.name, root, with); err != nil {
		return fmt.Errorf("machine %s: %w", p.name, err)
	}
	return nil
}

// concerns tells whether one of the steps is wanted.
func (p plan) concerns(only string) bool {
	return slices.ContainsFunc(p.steps, func(s step) bool { return strings.Contains(s.name, only) })
}

// debian is the archive of a clean Debian, made once for all checkouts on this machine that want the same packages.
func debian(ctx context.Context, suite, cache string) (string, error) {
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("%w (hint: -cache)", err)
		}
		cache = filepath.Join(dir, "skerry", "debtest")
	}
	archive := filepath.Join(cache, fmt.Sprintf("%s-%08x.tar", suite, crc32.ChecksumIEEE([]byte(packages))))
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	fmt.Println("making a clean Debian", suite)
	part := fmt.Sprintf("%s.%d.tar", archive, os.Getpid())
	defer os.Remove(part)
	if out, err := exec.CommandContext(ctx, "mmdebstrap", "--variant=minbase", "--include="+packages, suite, part).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mmdebstrap: %w: %s", err, out)
	}
	return archive, os.Rename(part, archive)
}

// prepare unpacks the machine, and gives it the packages and this program, which begins when it has booted.
func (p plan) prepare(root string, from source) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := do("tar", "-C", root, "--exclude=./dev/*", "-xf", from.archive); err != nil {
		return err
	}
	unit := "[Unit]\nAfter=multi-user.target cloud-final.service\n[Service]\nExecStart=/root/debtest -inside " + p.name + " -only '" + from.only +
		"'\nExecStopPost=/bin/systemctl poweroff --force --no-block\nStandardOutput=file:/root/said\nStandardError=inherit\n"
	wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants")
	err = errors.Join(
		do("cp", from.before, filepath.Join(root, "root/previous.deb")),
		do("cp", from.after, filepath.Join(root, "root/package.deb")),
		do("cp", self, filepath.Join(root, "root/debtest")),
		os.WriteFile(filepath.Join(root, "etc/systemd/system/debtest.service"), []byte(unit), 0o644),
		os.WriteFile(filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost\n"), 0o644),
		os.MkdirAll(wants, 0o755),
		os.Symlink("../debtest.service", filepath.Join(wants, "debtest.service")),
	)
	if err != nil {
		return err
	}
	if p.furnish != nil {
		return p.furnish(root, from.after)
	}
	return os.WriteFile(filepath.Join(root, "etc/cloud/cloud-init.disabled"), nil, 0o644)
}

// makeCard gives a block device of its own with a small ext4, which the machine mounts.
func makeCard(ctx context.Context, dir string) (device string, remove func(), err error) {
	image := filepath.Join(dir, "image")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 64<<20)); err != nil {
		return "", nil, err
	}
	if err := do("mkfs.ext4", "-q", image); err != nil {
		return "", nil, err
	}
	out, err := exec.CommandContext(ctx, "losetup", "--find", "--show", image).CombinedOutput()
	if err != nil {
		return "", nil, fmt.Errorf("losetup: %w: %s", err, out)
	}
	device = strings.TrimSpace(string(out))
	return device, func() { _ = do("losetup", "-d", device) }, nil
}

// boot runs the machine until it switches itself off, and shows what it says meanwhile.
func boot(ctx context.Context, name, root string, with []string) error {
	const patience = 9 * time.Minute
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	console := &bytes.Buffer{}
	machine := fmt.Sprintf("skerry-%s-%d", name, os.Getpid())
	groups, remove, err := ownGroups(machine)
	if err != nil {
		return err
	}
	defer remove()
	args := []string{"-q", "-b", "-D", root, "--machine=" + machine, "--private-network", "--console=pipe",
		"--register=no", "--keep-unit", "--kill-signal=SIGRTMIN+4"}
	nspawn := within(groups, "systemd-nspawn", append(args, with...))
	m := exec.CommandContext(ctx, nspawn[0], nspawn[1:]...)
	m.Cancel = func() error { return m.Process.Signal(os.Interrupt) }
	m.Stdout, m.Stderr, m.WaitDelay = console, console, 10*time.Second
	if err := m.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- m.Wait() }()
	var shown int64
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-time.After(300 * time.Millisecond):
		}
		shown += show(filepath.Join(root, "root/said"), shown)
	}
	if _, err := os.Stat(filepath.Join(root, "root/passed")); err != nil {
		if shown == 0 {
			_, _ = io.Copy(os.Stderr, console)
		}
		return errors.New("not all steps passed")
	}
	return nil
}

// show copies what has been added to a file.
func show(name string, from int64) int64 {
	f, err := os.Open(name)
	if err != nil {
		return 0
	}
	defer f.Close()
	n, _ := io.Copy(os.Stdout, io.NewSectionReader(f, from, 1<<40))
	return n
}

// do runs a program that has nothing to say.
func do(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
