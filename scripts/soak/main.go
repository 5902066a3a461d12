package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// settings come from the command line.
type settings struct {
	skerry   string
	readings int
	cuts     int
	kills    int
	restarts int
	lost     int
	ahead    int
	drop     bool
	pack     bool
	alarms   bool
	grounds  int
	seed     uint64
	dir      string
	keep     bool
	verbose  bool
}

// mosquitto is where Debian has it.
const mosquitto = "/usr/sbin/mosquitto"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	signal.Ignore(syscall.SIGPIPE) // whoever reads no further must not leave servers behind
	var s settings
	flag.StringVar(&s.skerry, "skerry", "bin/skerry", "the gateway")
	flag.IntVar(&s.readings, "readings", 1_000_000, "how many in all, half of them at QoS 1 and half at QoS 2")
	flag.IntVar(&s.cuts, "cuts", 100, "cuts of the connection; one in five swallows for a while what is sent, before")
	flag.IntVar(&s.kills, "kills", 20, "SIGKILLs of the gateway")
	flag.IntVar(&s.restarts, "restarts", 5, "orderly restarts of the server")
	flag.IntVar(&s.lost, "lost", 3, "losses of all sessions of the server")
	flag.IntVar(&s.ahead, "ahead", 20_000, "readings that may be published and have not arrived")
	flag.BoolVar(&s.drop, "drop", false, "on_lost_session: drop; what the server had confirmed with PUBREC may be missing then")
	flag.BoolVar(&s.pack, "pack", false, "the uplink sends blocks, and a ground end behind the server unpacks them: nothing may come twice at QoS 2 then, whatever was lost")
	flag.BoolVar(&s.alarms, "alarms", false, "the readings are of class alarm, and wait for nothing; with -pack their blocks go on from primers")
	flag.IntVar(&s.grounds, "grounds", 20, "with -pack: SIGKILLs of the ground end")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().Unix()), "of the events")
	flag.StringVar(&s.dir, "dir", "", "folder for the data; a temporary one by default")
	flag.BoolVar(&s.keep, "keep", false, "leave the data and the logs there")
	flag.BoolVar(&s.verbose, "v", false, "tell of each event")
	flag.Parse()
	if _, err := exec.LookPath(mosquitto); err != nil {
		return fmt.Errorf("%w (hint: apt-get install mosquitto)", err)
	}
	r, err := try(ctx, &s)
	if r != nil {
		r.print(os.Stdout)
		err = errors.Join(err, r.verdict())
	}
	return err
}
