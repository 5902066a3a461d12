// Command debtest proves the Debian package on a machine of its own: a clean Debian (mmdebstrap) under its own systemd (systemd-nspawn),
// which has no network but its loopback interface.
//
// It installs the package, upgrades it from an earlier build while messages wait and others come, rolls back, has the program hang in two
// ways, has its disk become read-only, starts it with a disk that is late, full, or read-only, without a date, with a wrong configuration,
// moves, removes and purges it. Each step says what it has seen, and the first that fails ends the run with status 1.
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
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// packages are what the machine has besides the smallest Debian.
const packages = "systemd,systemd-sysv,dbus,mosquitto-clients,procps,util-linux"

func main() {
	before := flag.String("previous", "", "the package that is upgraded")
	after := flag.String("package", "", "the package that is tested")
	suite := flag.String("suite", "bookworm", "release of Debian")
	cache := flag.String("cache", "", "where the clean Debian is kept (default: debtest in the user's cache of skerry, ~/.cache/skerry)")
	only := flag.String("only", "", "of the steps after the installation, those whose name has this in it")
	inside := flag.Bool("inside", false, "this is the machine")
	flag.Parse()
	ctx, end := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer end()
	run := func() error { return outside(ctx, *before, *after, *suite, *cache, *only) }
	if *inside {
		run = func() error { return tellSteps(*only) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "debtest:", err)
		os.Exit(1)
	}
}

// outside makes the machine, boots it, and shows what it says.
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
	root := filepath.Join(dir, "root")
	if err := furnish(root, archive, before, after, only); err != nil {
		return err
	}
	card, remove, err := makeCard(ctx, dir)
	if err != nil {
		return err
	}
	defer remove()
	return boot(ctx, root, card)
}

// debian is the archive of a clean Debian, made once for all checkouts on this machine.
func debian(ctx context.Context, suite, cache string) (string, error) {
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("%w (hint: -cache)", err)
		}
		cache = filepath.Join(dir, "skerry", "debtest")
	}
	archive := filepath.Join(cache, suite+".tar")
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

// furnish unpacks the machine, and gives it the packages and this program, which begins when it has booted.
func furnish(root, archive, before, after, only string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := do("tar", "-C", root, "--exclude=./dev/*", "-xf", archive); err != nil {
		return err
	}
	unit := "[Unit]\nAfter=multi-user.target\n[Service]\nExecStart=/root/debtest -inside -only '" + only + "'\nExecStopPost=/bin/systemctl poweroff --force --no-block\nStandardOutput=file:/root/said\nStandardError=inherit\n"
	wants := filepath.Join(root, "etc/systemd/system/multi-user.target.wants")
	return errors.Join(
		do("cp", before, filepath.Join(root, "root/previous.deb")),
		do("cp", after, filepath.Join(root, "root/package.deb")),
		do("cp", self, filepath.Join(root, "root/debtest")),
		os.WriteFile(filepath.Join(root, "etc/systemd/system/debtest.service"), []byte(unit), 0o644),
		os.WriteFile(filepath.Join(root, "etc/hosts"), []byte("127.0.0.1 localhost\n"), 0o644),
		os.MkdirAll(wants, 0o755),
		os.Symlink("../debtest.service", filepath.Join(wants, "debtest.service")),
	)
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
func boot(ctx context.Context, root, card string) error {
	const patience = 9 * time.Minute
	ctx, end := context.WithTimeout(ctx, patience)
	defer end()
	console := &bytes.Buffer{}
	m := exec.CommandContext(ctx, "systemd-nspawn", "-q", "-b", "-D", root, "--bind="+card+":/dev/card", "--bind=/sys/fs/ext4:/mnt/ext4",
		"--private-network", "--console=pipe", "--register=no",
		"--keep-unit", "--kill-signal=SIGRTMIN+4")
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
