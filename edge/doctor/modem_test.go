package doctor_test

import (
	"maps"
	"strings"
	"testing"

	"skerry/edge/doctor"
)

// TestModems: a port that is not there, one that the station may not open, and a machine without ModemManager.
func TestModems(t *testing.T) {
	cfg := configure(t, `
uplinks:
  cloud:
    mqtt: "tls://broker.example.org:8883"
    links:
      - {name: lte, interface: wwan0, kind: cellular, modem: /dev/ttyUSB2}
      - {name: sat, interface: ppp0, kind: certus, modem: auto}
      - {name: lan}
`)
	for name, test := range map[string]struct {
		files map[string]string
		want  []string // ABOUT: WHAT, and of problems FIX
	}{
		"there":       {map[string]string{"dev/ttyUSB2": ""}, []string{"modem of cloud/lte: /dev/ttyUSB2 is there"}},
		"not there":   {nil, []string{"modem of cloud/lte: there is no /dev/ttyUSB2", "plug the modem in"}},
		"not ours":    {map[string]string{"dev/ttyUSB2": "", "etc/group": "dialout:x:20:pi\n"}, []string{"user skerry: is not in the group dialout", "usermod -aG dialout"}},
		"no mmcli":    {nil, []string{"modem of cloud/sat: ModemManager is not installed", "apt install modemmanager"}},
		"the console": {map[string]string{"dev/ttyUSB2": "", "sys/class/tty/console/active": "tty1 ttyUSB2\n"}, []string{"modem of cloud/lte: the kernel's console is on /dev/ttyUSB2", "cmdline.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"etc/passwd": passwd}
			maps.Copy(files, test.files)
			r := doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(files), Now: noon, Synced: true, Config: cfg, User: "skerry", Resolve: resolve, ModemManager: "/no/such/mmcli"})
			var all strings.Builder
			for _, f := range r.Findings {
				all.WriteString(f.About + ": " + f.What + " " + f.Fix + "\n")
			}
			for _, words := range test.want {
				if !strings.Contains(all.String(), words) {
					t.Errorf("no word of %q in\n%s", words, &all)
				}
			}
			if strings.Contains(all.String(), "cloud/lan") {
				t.Error("a link without a modem is examined")
			}
		})
	}
}
