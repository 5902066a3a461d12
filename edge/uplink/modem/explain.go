package modem

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"skerry/drivers"
)

// Finding is one thing to say about a modem.
type Finding struct {
	What string
	Fix  string // not empty: it is a problem
}

// Explain tells whether the modem of a link can be seen, and if not why. It looks at the files of the kernel and asks ModemManager; it
// opens no port. Of the options Modem and Program count, and Patience.
func Explain(ctx context.Context, o Options, files drivers.Files) []Finding {
	if err := Check(o.Modem); o.Modem != "" && err != nil {
		return []Finding{{err.Error(), "write auto, none or the path of a port"}}
	}
	o.Open = func(string) (drivers.Port, error) { return nil, errors.ErrUnsupported } // never called
	o, err := o.withDefaults()
	switch {
	case err != nil:
		return []Finding{{err.Error(), "see docs/modem.md"}}
	case o.Modem == Absent:
		return nil
	case o.Modem == Auto:
		return explainManager(ctx, o, files)
	}
	return explainPort(ctx, o, files)
}

// explainManager looks through ModemManager.
func explainManager(ctx context.Context, o Options, files drivers.Files) []Finding {
	state, err := askManager(ctx, o)
	hardware := traces(files)
	switch {
	case errors.Is(err, ErrNoModemManager):
		fix := "apt install modemmanager"
		if len(hardware) > 0 {
			fix += ", or name the port for AT commands; there is " + strings.Join(hardware, ", ")
		}
		return []Finding{{err.Error() + ", so nothing is known of the signal", fix}}
	case errors.Is(err, ErrNotRunning):
		return []Finding{{ErrNotRunning.Error(), "systemctl enable --now ModemManager"}}
	case errors.Is(err, ErrNoModem) && len(hardware) == 0:
		return []Finding{{"no modem: the kernel has no device that looks like one", "plug it in and look at lsusb and dmesg; modems draw 2 A for moments, which a weak supply or a hub without its own does not give"}}
	case errors.Is(err, ErrNoModem):
		return []Finding{{"ModemManager sees no modem, though there is " + strings.Join(hardware, ", "), "wait half a minute after plugging in; journalctl -u ModemManager says what it makes of it; or name the port for AT commands"}}
	case err != nil:
		return []Finding{{err.Error(), "mmcli -m any shows what ModemManager says"}}
	}
	return explainState(state)
}

func askManager(ctx context.Context, o Options) (modemState, error) {
	out, err := mmcli{o.Program, o.Patience}.run(ctx, "-m", "any", "-J")
	if err != nil {
		return modemState{}, err
	}
	return parseModem(out)
}

// explainState says what a modem that is there lacks.
func explainState(m modemState) []Finding {
	if trouble := m.trouble(); trouble != "" {
		what, fix, _ := strings.Cut(strings.TrimSuffix(trouble, ")"), " (hint: ")
		return []Finding{{what, fix}}
	}
	switch m.Registration {
	case Denied:
		return []Finding{{"the network refuses the SIM", "ask the operator whether the SIM is active, and may be used in this country and by this kind of modem"}}
	case Searching, NotRegistered:
		return []Finding{{"the modem finds no network", "look at the antenna and its plug; with LTE-M and NB-IoT at the bands: mmcli -m any"}}
	case Emergency:
		return []Finding{{"the network gives the modem no data", "ask the operator for the right contract and APN"}}
	}
	what := m.Model + " is there"
	for _, word := range []string{m.Technology, m.Operator, m.Registration.String()} {
		if word != "" && word != RegistrationUnknown.String() {
			what += ", " + word
		}
	}
	return []Finding{{What: strings.TrimSpace(what)}}
}

// explainPort looks whether a serial port is there, and is free.
func explainPort(ctx context.Context, o Options, files drivers.Files) []Finding {
	if !there(files, o.Modem) {
		fix := "plug the modem in"
		if hardware := traces(files); len(hardware) > 0 {
			fix = "name one that is there: " + strings.Join(hardware, ", ") + "; those under /dev/serial/by-id keep their names"
		}
		return []Finding{{"there is no " + o.Modem, fix}}
	}
	if state, err := askManager(ctx, o); err == nil {
		for _, port := range state.ports {
			if name, _, _ := strings.Cut(port, " "); name == path.Base(o.Modem) && !strings.Contains(port, "(ignored)") {
				return []Finding{{fmt.Sprintf("ModemManager uses %s as well, and one takes the answers of the other", o.Modem), "write modem: auto"}}
			}
		}
	}
	return []Finding{{What: o.Modem + " is there"}}
}

// traces lists what the kernel has that looks like a modem.
func traces(files drivers.Files) []string {
	var found []string
	for _, pattern := range []string{"dev/serial/by-id/*", "dev/ttyUSB*", "dev/ttyACM*", "dev/cdc-wdm*", "dev/wwan*", "sys/class/net/wwan*"} {
		names, err := files.Glob(pattern)
		if err != nil {
			continue
		}
		for _, name := range names {
			found = append(found, "/"+name)
		}
	}
	return found[:min(len(found), 8)]
}

func there(files drivers.Files, device string) bool {
	found, err := files.Glob(strings.TrimPrefix(device, "/"))
	return err == nil && len(found) > 0
}
