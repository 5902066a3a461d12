package doctor

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Unit is how the service manager has the station, as `systemctl show` tells: properties by name. nil: there is no such unit.
type Unit map[string]string

// home is the data directory that the unit of the package is made for.
const home = "/var/lib/skerry"

// noStateDirectory is the status of a unit whose StateDirectory= cannot be made (systemd.exec(5)).
const noStateDirectory = "238"

// manyRestarts is how often a station may have been started anew before that is worth a word.
const manyRestarts = 3

// unit looks whether the station is started with the machine, and how that went.
func unit(_ context.Context, s *Subject, r *Report) {
	if s.Unit == nil || s.simulated() {
		return
	}
	before := r.Problems()
	const journal = "`journalctl -u skerry -n 50` shows why"
	u, status := s.Unit, s.Unit["StatusText"]
	switch enabled := u["UnitFileState"]; enabled {
	case "enabled", "enabled-runtime", "static", "":
	case "masked", "masked-runtime":
		r.problem("unit", "is masked: nothing can start the station", "sudo systemctl unmask skerry, then sudo systemctl enable --now skerry")
	default:
		r.problem("unit", "is "+enabled+": the station does not start with the machine", "sudo systemctl enable --now skerry")
	}
	switch {
	case u["ActiveState"] == "failed" && u["ExecMainStatus"] == "78":
		r.problem("unit", "has not started: the configuration is wrong", "`skerry check` says where; then sudo systemctl restart skerry")
	case u["ActiveState"] == "failed":
		r.problem("unit", "has failed: "+u["Result"], journal+"; then sudo systemctl restart skerry")
	case u["SubState"] == "auto-restart" && u["ExecMainStatus"] == noStateDirectory:
		r.problem("unit", "cannot start: systemd does not get "+home+" ready", "ls -ld "+home+" must show a folder that root can write, or a disk that is mounted there, and no link; a folder elsewhere is named by storage.path")
	case u["SubState"] == "auto-restart":
		r.problem("unit", "starts in vain again and again: status "+u["ExecMainStatus"], journal)
	case u["ActiveState"] == "inactive":
		r.problem("unit", "is stopped", "sudo systemctl start skerry; if a dependency fails, the disk of the data directory is not mounted: systemctl --failed names it")
	case strings.HasPrefix(status, "waits for") || strings.HasPrefix(status, "does not get on") || strings.HasPrefix(status, "runs without storage"):
		r.problem("unit", status, journal)
	case strings.HasPrefix(status, "runs with a full store"):
		r.problem("unit", status, "make room on the disk, or raise storage.limit; what lasts is taken again by itself. `skerry queue ls` shows what waits, and for whom")
	}
	if n, err := strconv.Atoi(u["NRestarts"]); err == nil && n > manyRestarts && r.Problems() == before {
		r.problem("unit", fmt.Sprintf("was started anew %d times", n), journal+"; sudo systemctl reset-failed skerry counts from 0 again")
	}
	if r.Problems() == before {
		r.note("unit", "%s, %s, status: %s", u["UnitFileState"], u["ActiveState"], status)
	}
}

// data looks whose the data directory is, and whether the unit lets the station write there.
func data(_ context.Context, s *Subject, r *Report) {
	if s.Unit == nil || s.simulated() || s.Store == "" {
		return
	}
	before := r.Problems()
	runs := s.Unit["User"]
	if s.StoreOwner != "" && runs != "" && s.StoreOwner != runs {
		r.problem("data", fmt.Sprintf("%s belongs to %s, and the unit runs as %s", s.Store, s.StoreOwner, runs), fmt.Sprintf("sudo chown -R %s: %s", runs, s.Store))
	}
	if s.Store != home && !inside(s.Store, home) && !slices.ContainsFunc(strings.Fields(s.Unit["ReadWritePaths"]), func(p string) bool { return inside(s.Store, strings.TrimLeft(p, "-+")) }) {
		r.problem("data", "the unit does not let the station write to "+s.Store, fmt.Sprintf("sudo systemctl edit skerry, with the lines [Unit], RequiresMountsFor=%s, [Service] and ReadWritePaths=%s", s.Store, s.Store))
	}
	if r.Problems() == before {
		r.note("data", "%s", s.Store)
	}
}

// guard looks for the watchdog of the board, if the configuration has one.
func guard(_ context.Context, s *Subject, r *Report) {
	if s.Config == nil || s.simulated() || s.Config.Gateway.Watchdog == "" {
		return
	}
	device := s.Config.Gateway.Watchdog
	if s.there(device) {
		r.note("watchdog", "%s is there", device)
		return
	}
	r.problem("watchdog", device+" is missing: nothing resets the board when the station hangs", "write dtparam=watchdog=on into "+bootConfig+" and start again; ls /dev/watchdog* shows what there is")
}

func inside(p, folder string) bool {
	return path.Clean(p) == folder || strings.HasPrefix(path.Clean(p), path.Clean(folder)+"/")
}

// ports looks whether another program is where the station, which does not run, is to listen.
func ports(ctx context.Context, s *Subject, r *Report) {
	if s.Config == nil || s.Running {
		return
	}
	taken := s.listening(ctx)
	for _, l := range s.Config.Broker.Listeners {
		if l.Kind() == "unix" {
			continue
		}
		at := strings.LastIndexByte(l.Address(), ':')
		port, err := strconv.ParseUint(l.Address()[at+1:], 10, 16)
		if err != nil || port == 0 || !taken[uint16(port)] {
			continue
		}
		r.problem("listener "+l.Name, fmt.Sprintf("another program listens on port %d", port),
			fmt.Sprintf("`sudo ss -ltnp sport = :%d` names it; if it is mosquitto: sudo systemctl disable --now mosquitto", port))
	}
}

// listening are the TCP ports on which somebody listens (/proc/net/tcp, see proc(5): local address and state in hexadecimal).
func (s *Subject) listening(ctx context.Context) map[uint16]bool {
	const listen = "0A"
	taken := map[uint16]bool{}
	for _, name := range []string{"proc/net/tcp", "proc/net/tcp6"} {
		for line := range strings.Lines(s.text(ctx, name)) {
			f := strings.Fields(line)
			if len(f) < 4 || f[3] != listen {
				continue
			}
			_, port, _ := strings.Cut(f[1], ":")
			if n, err := strconv.ParseUint(port, 16, 16); err == nil {
				taken[uint16(n)] = true
			}
		}
	}
	return taken
}
