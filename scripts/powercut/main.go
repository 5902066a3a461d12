// Command powercut proves on the real path what the daemon promises about power cuts: the daemon as it is shipped, ext4, a loop
// device, and below it a device of ours that records every write and flush.
//
// First the daemon works on that device, with MQTT clients as witnesses that keep their own state of QoS 1 and 2, stamped with the
// number of the device's last op. Then, for many moments of this recording, the disk is made that a power cut would have left: all
// that a flush covered, and of every later write nothing, all, some sectors, or rubbish. The daemon starts on it, the witnesses go
// on where they were at that moment, and what they get in the end is compared with what was acknowledged to them.
//
// At some points the device records what the daemon does then, from the mount on, and loses power once more within that.
//
// Guarantee: the status is 0 only if the daemon started at every point, nothing acknowledged was lost, and nothing arrived twice
// at QoS 2. Where flushes were lied about, that holds for what was published after the cut; the rest is counted.
//
// Limit: see package cutdisk. The recording is a live run and differs from run to run; a disk on which a promise broke is kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"

	"skerry/scripts/cutdisk"
)

func main() { cutdisk.Main("powercut", run) }

func run(ctx context.Context) error {
	binary := flag.String("skerry", "bin/skerry", "the daemon")
	rounds := flag.Int("rounds", 24, "rounds of the workload that is recorded")
	seed := flag.Uint64("seed", 1, "of the workload, the cuts and what they do")
	block := flag.Int("block", 4096, "bytes of a block of ext4 and of the log: 4096 or 1024")
	workers := flag.Int("workers", runtime.NumCPU(), "points that are tried at the same time")
	honest := flag.Int("honest", 500, "points with an honest device")
	garbled := flag.Int("garbled", 200, "points with a device that leaves rubbish where it was writing")
	again := flag.Int("again", 100, "points with a second cut while the daemon recovers; at half of them that leaves rubbish")
	lied := flag.Int("lied", 150, "points with a device whose last flush did nothing")
	lied8 := flag.Int("lied8", 50, "points with a device whose last eight flushes did nothing")
	flag.Parse()

	dir, err := cutdisk.Room()
	if err != nil {
		return err
	}
	boot, err := cutdisk.NewBoot(dir)
	if err != nil {
		return err
	}
	r, err := record(*binary, dir, *block, *rounds, *seed)
	if err != nil {
		return fmt.Errorf("record the workload: %w", err)
	}
	fmt.Println(r)
	l := &laboratory{binary: *binary, dir: dir, boot: boot, recording: r, workers: *workers, block: *block}
	return l.runAll(ctx, *seed, []campaign{
		{name: "honest", points: *honest},
		{name: "garbled", points: *garbled, garble: true},
		{name: "cut twice", points: *again, again: true},
		{name: "1 flush lied about", points: *lied, lies: 1},
		{name: "8 flushes lied about", points: *lied8, lies: 8},
	})
}
