package modem_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"skerry/edge/uplink/modem"
)

func TestWhyNoModemIsSeen(t *testing.T) {
	usb := []string{"dev/serial/by-id/usb-Example_M2-if02-port0", "dev/ttyUSB2", "dev/ttyUSB3", "sys/class/net/wwan0"}
	for name, test := range map[string]struct {
		modem, scene string
		names        []string
		what, fix    string // fix empty: nothing is wrong
	}{
		"none":                    {modem: "none", scene: "fine"},
		"left out":                {scene: "fine"},
		"wrong":                   {modem: "ttyUSB2", what: "ttyUSB2", fix: "write auto"},
		"fine":                    {modem: "auto", scene: "fine", names: usb, what: "Example M2 is there, LTE, 222-10, home"},
		"no ModemManager, no USB": {modem: "auto", what: "not installed", fix: "apt install modemmanager"},
		"no ModemManager":         {modem: "auto", names: usb, what: "not installed", fix: "/dev/serial/by-id/usb-Example_M2-if02-port0"},
		"nothing plugged in":      {modem: "auto", scene: "no modem", what: "no device that looks like one", fix: "lsusb"},
		"not recognised":          {modem: "auto", scene: "no modem", names: usb, what: "though there is /dev/serial", fix: "journalctl -u ModemManager"},
		"no daemon":               {modem: "auto", scene: "no daemon", names: usb, what: "ModemManager does not run", fix: "systemctl enable --now"},
		"no SIM":                  {modem: "auto", scene: "no SIM", what: "no SIM", fix: "put the SIM in"},
		"locked":                  {modem: "auto", scene: "locked", what: "sim-pin", fix: "--pin"},
		"denied":                  {modem: "auto", scene: "denied", what: "refuses the SIM", fix: "operator"},
		"garbage":                 {modem: "auto", scene: "garbage", what: "no JSON", fix: "mmcli"},
		"port":                    {modem: "/dev/ttyUSB3", scene: "fine", names: usb, what: "/dev/ttyUSB3 is there"},
		"port without mmcli":      {modem: "/dev/ttyUSB2", names: usb, what: "/dev/ttyUSB2 is there"},
		"port of two":             {modem: "/dev/ttyUSB2", scene: "fine", names: usb, what: "ModemManager uses /dev/ttyUSB2 as well", fix: "modem: auto"},
		"port that is missing":    {modem: "/dev/ttyUSB7", names: usb, what: "no /dev/ttyUSB7", fix: "/dev/ttyUSB2"},
		"no port at all":          {modem: "/dev/ttyUSB7", what: "no /dev/ttyUSB7", fix: "plug the modem in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(asMmcli, test.scene)
			t.Setenv(mmcliNotes, filepath.Join(t.TempDir(), "notes"))
			o := modem.Options{Modem: test.modem, Program: os.Args[0]}
			if test.scene == "" {
				o.Program = "/no/such/mmcli"
			}
			found := modem.Explain(t.Context(), o, &machine{names: test.names})
			if test.what == "" {
				if len(found) != 0 {
					t.Errorf("%+v", found)
				}
				return
			}
			if len(found) != 1 || !strings.Contains(found[0].What, test.what) || !strings.Contains(found[0].Fix, test.fix) || (test.fix == "") != (found[0].Fix == "") {
				t.Errorf("%+v, want %q, %q", found, test.what, test.fix)
			}
		})
	}
}
