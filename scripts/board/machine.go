package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// machine is one board and what it takes to boot it.
type machine struct {
	name    string
	dir     string
	env     []string // for building the guest and the daemon
	daemon  []string // flags of go build for the daemon, those of the packages
	station string   // configuration of the daemon, in the folder station; empty: it does not run here
	others  []string // more of them
	part    string   // what the guest does; empty: what fits the machine
	disk    string   // how the disk is plugged in that keeps the daemon's data; empty: there is none
	calm    bool     // it waits more than it works
	modules []string // patterns of modules to load, in order; behind a space their options
	command func(m *machine) (program string, arguments []string, err error)
	acts    func(m *machine) (actor, error) // nil: nothing is asked for

	more    []string     // arguments of QEMU
	patient patienceWith // with its kernel; zero: untilFirstWord
}

// actor does what the guest asks for.
type actor interface {
	do(what string) error
	io.Closer
}

const commonLine = "rdinit=/init panic=-1 loglevel=4"

func machines(dir string) []*machine {
	arm64, armel := filepath.Join(dir, "kernel-arm64"), filepath.Join(dir, "kernel-armel")
	return []*machine{
		// Those that mostly wait come first, then those that take longest.
		{name: "hang", dir: dir, station: "hang.yaml", part: "hang", disk: "virtio", calm: true, env: []string{"GOARCH=arm64"},
			modules: append([]string{arm64 + "/*/watchdog/i6300esb.ko", arm64 + "/*/virtio/virtio_pci_modern_dev.ko", arm64 + "/*/virtio/virtio_pci_legacy_dev.ko",
				arm64 + "/*/virtio/virtio_pci.ko", arm64 + "/*/block/virtio_blk.ko"}, ext4(arm64)...),
			command: virt, acts: watches, more: []string{"-device", "i6300esb"}},
		{name: "virt", dir: dir, station: "virt.yaml", env: []string{"GOARCH=arm64"}, command: virt, acts: pl061, modules: []string{arm64 + "/*/watchdog/i6300esb.ko"}, more: []string{"-device", "i6300esb"}},
		// The timer of a Zero misses a moment that has passed when it is set, as it does on a busy machine: the kernel then waits for ever.
		// With icount its time passes with its instructions.
		{name: "pi0", dir: dir, station: "raspberry.yaml", more: []string{"-icount", "shift=2"}, env: []string{"GOARCH=arm", "GOARM=6"}, modules: []string{armel + "/*/i2c/i2c-dev.ko", armel + "/*/base/regmap/regmap-i2c.ko", armel + "/*/rtc/rtc-ds1307.ko"},
			// The power domains of this machine are not emulated: their driver stops the boot.
			command: raspberry("arm", "raspi0", "512M", armel, "*/bcm2835-rpi-zero.dtb", "console=ttyAMA0,115200 initcall_blacklist=bcm2835_power_driver_init"), acts: chips},
		{name: "pi3", dir: dir, station: "raspberry.yaml", env: []string{"GOARCH=arm64"}, modules: []string{arm64 + "/*/i2c/busses/i2c-bcm2835.ko", arm64 + "/*/i2c/i2c-dev.ko", arm64 + "/*/spi/spi-bcm2835.ko",
			arm64 + "/*/hwmon/lm75.ko", arm64 + "/*/iio/industrialio.ko", arm64 + "/*/iio/pressure/dps310.ko"},
			command: raspberry("aarch64", "raspi3b", "1G", arm64, "*/broadcom/bcm2837-rpi-3-b.dtb", "console=ttyS1,115200"), acts: chips},
		// No driver for the clock that is plugged in: it is 1970 at each start.
		{name: "clock", dir: dir, station: "clock.yaml", others: []string{"alone.yaml", "shore.yaml"}, part: "clock", disk: "sd", env: []string{"GOARCH=arm64"},
			modules: append([]string{arm64 + "/*/i2c/busses/i2c-bcm2835.ko", arm64 + "/*/i2c/i2c-dev.ko", arm64 + "/*/mmc/host/bcm2835.ko"}, ext4(arm64)...),
			command: raspberry("aarch64", "raspi3b", "1G", arm64, "*/broadcom/bcm2837-rpi-3-b.dtb", "console=ttyS1,115200"), acts: chips},
		{name: "pi4", dir: dir, env: []string{"GOARCH=arm64"}, command: raspberry4, acts: chips, patient: patienceWith{work: 3 * time.Minute, still: 25 * time.Second, most: 4 * time.Minute}},
		{name: "uml", dir: dir, modules: []string{dir + "/uml/*/i2c/i2c-core.ko", dir + "/uml/*/i2c/i2c-dev.ko", dir + "/uml/*/i2c/i2c-stub.ko chip_addr=0x50"}, command: uml},
	}
}

// ext4 are the modules of the file system, those that it does not name itself included.
func ext4(kernel string) []string {
	var all []string
	for _, name := range []string{"/*/crypto/crc32c_generic.ko", "/*/lib/crc16.ko", "/*/fs/mbcache.ko", "/*/fs/jbd2/jbd2.ko", "/*/fs/ext4/ext4.ko"} {
		all = append(all, kernel+name)
	}
	return all
}

// raspberry is a Raspberry Pi that Debian's kernel knows.
func raspberry(arch, model, memory, kernel, tree, line string) func(*machine) (string, []string, error) {
	return func(m *machine) (string, []string, error) {
		image, err := one(kernel, "vmlinuz-*")
		if err != nil {
			return "", nil, err
		}
		dtb, err := one(kernel, tree)
		if err != nil {
			return "", nil, err
		}
		dtb, err = m.withSPI(dtb)
		return m.qemu(arch), m.header(image, line, model, memory, dtb), err
	}
}

// raspberry4 is one that Debian's kernels do not bring up here: it has the kernel of Raspberry Pi, from a module of Go. The emulator has no
// interrupts for its I2C and SPI, so they stay off.
func raspberry4(m *machine) (string, []string, error) {
	folder, err := module("github.com/gokrazy/kernel.rpi", "v0.0.0-20251127164438-9778ec0261de")
	if err != nil {
		return "", nil, err
	}
	return m.qemu("aarch64"), m.header(filepath.Join(folder, "vmlinuz"), "console=ttyS0,115200", "raspi4b", "2G", filepath.Join(folder, "bcm2711-rpi-4-b.dtb")), nil
}

// module is the folder of a module of Go, which is downloaded if need be.
func module(path, version string) (string, error) {
	dir, err := os.MkdirTemp("", "skerry-board-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "mod", "download", "-json", path+"@"+version)
	cmd.Dir = dir // outside of this module, whose sums are not to change
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("download %s: %w: %s", path, err, out)
	}
	var found struct{ Dir string }
	err = json.Unmarshal(out, &found)
	return found.Dir, err
}

// header is a Raspberry Pi with the chips that the guest knows on the buses of its header.
func (m *machine) header(image, line, model, memory, tree string) []string {
	serial := []string{"-serial", "stdio"}
	if strings.Contains(line, "ttyS") { // the small UART is the second one
		serial = []string{"-serial", "null", "-serial", "stdio"}
	}
	return append(append(m.common(image, line), serial...), "-M", model, "-m", memory, "-dtb", tree,
		"-device", "tmp105,bus=i2c-bus.1,address=0x48,id=thermometer", "-device", "at24c-eeprom,bus=i2c-bus.1,address=0x50,rom-size=4096",
		"-device", "ds1338,bus=i2c-bus.1,address=0x68", "-device", "dps310,bus=i2c-bus.1,address=0x77", "-device", "w25q80,bus=spi")
}

// withSPI switches SPI on in a copy of the device tree, as dtparam=spi=on does on a real board, without the DMA that is not emulated.
func (m *machine) withSPI(tree string) (string, error) {
	const bus, chip = "/soc/spi@7e204000", "/soc/spi@7e204000/spidev@0"
	data, err := os.ReadFile(tree)
	if err != nil {
		return "", err
	}
	changed := m.socket("dtb")
	if err := os.WriteFile(changed, data, 0o644); err != nil {
		return "", err
	}
	for _, arguments := range [][]string{
		{"-t", "s", changed, bus, "status", "okay"}, {"-d", changed, bus, "dmas", "dma-names"}, {"-c", changed, chip},
		{"-t", "s", changed, chip, "compatible", "rohm,dh2228fv"}, // one of those that the kernel gives to spidev
		{"-t", "i", changed, chip, "reg", "0"}, {"-t", "i", changed, chip, "spi-max-frequency", "1000000"},
	} {
		cmd := exec.Command(filepath.Join(m.dir, "qemu/usr/bin/fdtput"), arguments...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+m.libraries())
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("change the device tree: fdtput %v: %w: %s", arguments, err, out)
		}
	}
	return changed, nil
}

func virt(m *machine) (string, []string, error) {
	image, err := one(filepath.Join(m.dir, "kernel-arm64"), "vmlinuz-*")
	if err != nil {
		return "", nil, err
	}
	return m.qemu("aarch64"), append(m.common(image, "console=ttyAMA0"), "-M", "virt", "-cpu", "cortex-a53", "-m", "256M", "-nic", "none",
		"-serial", "stdio", "-serial", "unix:"+m.socket("line")+",server=on,wait=off",
		"-qtest", "unix:"+m.socket("qtest")+",server=on,wait=off", "-qtest-log", "none"), nil
}

// common are the arguments of every QEMU.
func (m *machine) common(image, line string) []string {
	line = commonLine + " " + line
	if m.part != "" {
		line += " part=" + m.part
	}
	all := []string{"-L", filepath.Join(m.dir, "qemu/usr/share/qemu"), "-kernel", image, "-initrd", m.initramfs(), "-append", line,
		"-display", "none", "-monitor", "none", "-qmp", "unix:" + m.socket("qmp") + ",server=on,wait=off"}
	switch m.disk {
	case "sd":
		all = append(all, "-drive", "if=sd,format=raw,file="+m.socket("disk"))
	case "virtio":
		all = append(all, "-drive", "if=none,id=disk,format=raw,file="+m.socket("disk"), "-device", "virtio-blk-pci,drive=disk")
	}
	if !m.calm { // who resets himself has failed
		all = append(all, "-no-reboot")
	}
	return append(all, m.more...)
}

// makeDisk makes the disk anew: with a file system and nothing on it.
func (m *machine) makeDisk() error {
	if m.disk == "" {
		return nil
	}
	f, err := os.Create(m.socket("disk"))
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(64<<20), f.Close()); err != nil { // the size of a card is a power of two
		return err
	}
	cmd := exec.Command("mkfs.ext4", "-q", "-F", m.socket("disk"))
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if cmd.Err != nil {
		cmd.Path, cmd.Err = "/usr/sbin/mkfs.ext4", nil
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a file system: %w: %s (hint: the package e2fsprogs)", err, out)
	}
	return nil
}

func uml(m *machine) (string, []string, error) {
	return filepath.Join(m.dir, "uml/usr/bin/linux.uml"), append(strings.Fields(commonLine), "mem=128M", "initrd="+m.initramfs(), "con=null", "con0=null,fd:1", "uml_dir="+m.socket("uml")), nil
}

func (m *machine) qemu(arch string) string {
	return filepath.Join(m.dir, "qemu/usr/bin/qemu-system-"+arch)
}

func (m *machine) socket(name string) string { return filepath.Join(m.dir, m.name+"."+name) }
func (m *machine) initramfs() string         { return filepath.Join(m.dir, m.name+".cpio") }

// one is the file below a folder whose last parts match a pattern.
func one(folder, pattern string) (string, error) {
	var found string
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		parts := strings.Split(path, "/")
		if ok, err := filepath.Match(pattern, strings.Join(parts[max(0, len(parts)-strings.Count(pattern, "/")-1):], "/")); ok || err != nil {
			found = path
			return err
		}
		return nil
	})
	if err == nil && found == "" {
		err = fmt.Errorf("no %s below %s; run scripts/board/fetch", pattern, folder)
	}
	return found, err
}

const boots = 3

// patienceWith is what a kernel may take until the guest says something. It is counted in the emulator's own time: on a busy machine it is late for
// want of a processor, and one that waits for ever takes none.
type patienceWith struct {
	work  time.Duration // of the emulator
	still time.Duration // without it
	most  time.Duration
}

var untilFirstWord = patienceWith{work: time.Minute, still: 25 * time.Second, most: 150 * time.Second}

// stillWork is how little the emulator works in patienceWith.still when nothing happens in it any more.
const stillWork = 100 * time.Millisecond

// over tells whether patience is, by how long the machine was on and how long its emulator has worked, at each look before and now.
func (p patienceWith) over(looks []look) bool {
	now := looks[len(looks)-1]
	if now.worked > p.work || now.on > p.most {
		return true
	}
	for _, l := range looks {
		if now.on-l.on >= p.still && now.worked-l.worked < stillWork {
			return true
		}
	}
	return false
}

// look is how long a machine was on, and what its emulator had worked then.
type look struct{ on, worked time.Duration }

// worked is the processor time of a process.
func worked(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ") // proc_pid_stat(5); its name may have spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is %q", pid, text)
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	system, more := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err, more) // USER_HZ is 100 on all that Go runs on
}

// impatient calls end when a machine that was started just now has said nothing for too long, unless spoken is closed before.
func (p patienceWith) impatient(pid int, spoken <-chan struct{}, end func()) {
	begun, looks := time.Now(), []look{}
	for {
		select {
		case <-spoken:
			return
		case <-time.After(time.Second):
		}
		worked, err := worked(pid)
		if err != nil { // it has ended
			return
		}
		if looks = append(looks, look{time.Since(begun), worked}); p.over(looks) {
			end()
			return
		}
	}
}

var (
	errSilent = errors.New("the guest said nothing")
	errCut    = errors.New("the guest wants its power cut")
)

// run boots the machine and notes what its guest says, up to END. One that stops before its guest runs is booted again.
func (m *machine) run(timeout time.Duration, r *report) error {
	if err := errors.Join(m.build(), m.makeDisk()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	program, arguments, err := m.command(m)
	if err != nil {
		return err
	}
	for boot := 1; ; boot++ {
		err := m.boot(ctx, r, program, arguments)
		if errors.Is(err, errCut) && ctx.Err() == nil {
			boot = 0
			continue
		}
		if !errors.Is(err, errSilent) || boot == boots || ctx.Err() != nil {
			return err
		}
		r.infos = append(r.infos, fmt.Sprintf("boot %d did not get as far as the guest", boot))
	}
}

func (m *machine) boot(ctx context.Context, r *report, program string, arguments []string) error {
	for _, name := range []string{"qmp", "qtest", "line"} {
		os.Remove(m.socket(name))
	}
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+m.libraries())
	console, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // user-mode Linux is several processes
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		return err
	}
	spoken := make(chan struct{})
	say := sync.OnceFunc(func() { close(spoken) })
	go cmp.Or(m.patient, untilFirstWord).impatient(cmd.Process.Pid, spoken, func() { cmd.Cancel() })
	err = m.follow(console, r, say)
	say()
	cmd.Cancel()
	cmd.Wait()
	if err != nil {
		r.note(m.name, complaints.String())
	}
	if ctx.Err() != nil {
		err = errors.Join(err, errors.New("no END in time"))
	}
	return err
}

// libraries are those that came with the emulator.
func (m *machine) libraries() string {
	found, _ := filepath.Glob(filepath.Join(m.dir, "qemu/usr/lib/*-linux-gnu*")) // the only error is a bad pattern
	more, _ := filepath.Glob(filepath.Join(m.dir, "qemu/lib/*-linux-gnu*"))
	return strings.Join(append(found, more...), ":")
}

// follow reads the console. It calls spoken when the guest has said something.
func (m *machine) follow(console io.Reader, r *report, spoken func()) error {
	var a actor
	defer func() {
		if a != nil {
			a.Close()
		}
	}()
	before := r.findings() // of this boot they count from here
	counted := func(want string) error {
		if got := fmt.Sprint(r.findings() - before); got != want {
			return fmt.Errorf("the guest found %s things, and %s came over its console", want, got)
		}
		before = r.findings()
		return nil
	}
	act := func(what string) (err error) {
		if a == nil {
			a, err = m.acts(m)
		}
		if err == nil {
			err = a.do(what)
		}
		if err != nil {
			err = fmt.Errorf("do %s: %w", what, err)
		}
		return err
	}
	lines := bufio.NewScanner(console)
	end := fmt.Errorf("the machine stopped before END: %w", errSilent)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		r.note(m.name, text)
		word, rest, _ := strings.Cut(strings.TrimPrefix(text, ">>"), " ")
		if !strings.HasPrefix(text, ">>") {
			continue
		}
		spoken()
		end = errors.New("the machine stopped before END")
		switch word {
		case "OK":
			r.ok++
		case "FAIL":
			r.fail(rest)
		case "INFO":
			r.infos = append(r.infos, rest)
		case "END":
			return counted(rest)
		case "CUT":
			return errors.Join(counted(rest), errCut)
		case "RESET":
			if err := errors.Join(counted(rest), act("reset")); err != nil {
				return err
			}
		case "IDLE":
			r.idle()
		case "DO":
			if err := act(rest); err != nil {
				return err
			}
		}
	}
	return errors.Join(end, lines.Err())
}

func (r *report) note(machine, text string) {
	if r.show {
		fmt.Printf("%s| %s\n", machine, text)
	}
	if r.last = append(r.last, text); len(r.last) > 30 {
		r.last = r.last[1:]
	}
}

// patience is how long the emulator may take to answer.
const patience = 10 * time.Second
