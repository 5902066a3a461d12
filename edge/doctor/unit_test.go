package doctor_test

import (
	"slices"
	"strings"
	"testing"

	"skerry/edge/config"
	"skerry/edge/doctor"
)

// findings are those about one thing, each "what" or "what => fix".
func findings(r *doctor.Report, about string) (all []string) {
	for _, f := range r.Findings {
		if f.About != about {
			continue
		}
		text := f.What
		if f.Fix != "" {
			text += " => " + f.Fix
		}
		all = append(all, text)
	}
	return all
}

func TestUnit(t *testing.T) {
	sound := doctor.Unit{"UnitFileState": "enabled", "ActiveState": "active", "SubState": "running", "StatusText": "running", "NRestarts": "1", "User": "skerry"}
	for name, tt := range map[string]struct {
		change map[string]string
		want   string
	}{
		"sound":        {nil, "enabled, active, status: running"},
		"disabled":     {map[string]string{"UnitFileState": "disabled"}, "is disabled: the station does not start with the machine => sudo systemctl enable --now skerry"},
		"masked":       {map[string]string{"UnitFileState": "masked"}, "is masked: nothing can start the station => sudo systemctl unmask skerry"},
		"wrong file":   {map[string]string{"ActiveState": "failed", "ExecMainStatus": "78"}, "has not started: the configuration is wrong => `skerry check`"},
		"failed":       {map[string]string{"ActiveState": "failed", "Result": "timeout"}, "has failed: timeout => `journalctl -u skerry"},
		"in vain":      {map[string]string{"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "1"}, "starts in vain again and again: status 1 => "},
		"no folder":    {map[string]string{"ActiveState": "activating", "SubState": "auto-restart", "ExecMainStatus": "238"}, "cannot start: systemd does not get /var/lib/skerry ready => ls -ld /var/lib/skerry must show a folder"},
		"stopped":      {map[string]string{"ActiveState": "inactive"}, "is stopped => sudo systemctl start skerry; if a dependency fails, the disk "},
		"waits":        {map[string]string{"StatusText": "waits for its data directory: read-only"}, "waits for its data directory: read-only => "},
		"hangs":        {map[string]string{"StatusText": "does not get on: log: x"}, "does not get on: log: x => "},
		"full":         {map[string]string{"StatusText": "runs with a full store: x"}, "runs with a full store: x => make room on the disk"},
		"often":        {map[string]string{"NRestarts": "17"}, "was started anew 17 times => `journalctl -u skerry -n 50` shows why; sudo systemctl reset-failed skerry counts from 0 again"},
		"without disk": {map[string]string{"StatusText": "runs without storage: x"}, "runs without storage: x => "},
	} {
		t.Run(name, func(t *testing.T) {
			u := doctor.Unit{}
			for k, v := range sound {
				u[k] = v
			}
			for k, v := range tt.change {
				u[k] = v
			}
			r := doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(nil), Unit: u})
			if got := findings(r, "unit"); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
	if got := findings(doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(nil)}), "unit"); got != nil {
		t.Errorf("without a unit: %q", got)
	}
}

func TestData(t *testing.T) {
	for _, tt := range []struct{ store, owner, paths, want string }{
		{"/var/lib/skerry", "skerry", "", "/var/lib/skerry"},
		{"/var/lib/skerry/a", "", "", "/var/lib/skerry/a"},
		{"/var/lib/skerry", "root", "", "/var/lib/skerry belongs to root, and the unit runs as skerry => sudo chown -R skerry: /var/lib/skerry"},
		{"/srv/data", "skerry", "-/sys/devices/platform", "the unit does not let the station write to /srv/data => sudo systemctl edit skerry"},
		{"/srv/data", "skerry", "-/sys/devices/platform /srv", "/srv/data"},
	} {
		s := &doctor.Subject{Files: newMachine(nil), Unit: doctor.Unit{"User": "skerry", "ReadWritePaths": tt.paths}, Store: tt.store, StoreOwner: tt.owner}
		if got := findings(doctor.Examine(t.Context(), s), "data"); len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%s: %q, want %q", tt.store, got, tt.want)
		}
	}
}

// TestGuard: a watchdog of the board that the configuration wants is there, or missing; others are not looked for.
func TestGuard(t *testing.T) {
	const local = "broker: {listeners: {a: {tcp: \"127.0.0.1:1883\", anonymous: true}}}\n"
	wants := configure(t, "gateway: {watchdog: /dev/watchdog0}\n"+local)
	for _, tt := range []struct {
		cfg   *config.Config
		files map[string]string
		want  string
	}{
		{wants, nil, "/dev/watchdog0 is missing: nothing resets the board when the station hangs => write dtparam=watchdog=on"},
		{wants, map[string]string{"dev/watchdog0": ""}, "/dev/watchdog0 is there"},
		{configure(t, local), nil, ""},
	} {
		got := findings(doctor.Examine(t.Context(), &doctor.Subject{Files: newMachine(tt.files), Config: tt.cfg}), "watchdog")
		if (tt.want == "") != (len(got) == 0) || len(got) > 1 || tt.want != "" && !strings.HasPrefix(got[0], tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// TestPorts: 1883 is taken in the IPv4 table, 1884 in that of IPv6; a connection to port 1885 is no listener.
func TestPorts(t *testing.T) {
	files := map[string]string{
		"proc/net/tcp":  "  sl  local_address rem_address   st tx_queue\n   0: 0100007F:075B 00000000:0000 0A 00000000:00000000\n   1: 0100007F:075D 0100007F:9999 01 00000000:00000000\n",
		"proc/net/tcp6": "  sl  local_address remote_address st\n   0: 00000000000000000000000000000000:075C 00000000000000000000000000000000:0000 0A 0\n",
	}
	cfg := configure(t, "broker: {listeners: {a: {tcp: \"127.0.0.1:1883\", anonymous: true}, b: {tcp: \"127.0.0.1:1884\", anonymous: true}, c: {tcp: \"127.0.0.1:1885\", anonymous: true}}}\n")
	s := &doctor.Subject{Files: newMachine(files), Config: cfg}
	r := doctor.Examine(t.Context(), s)
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, findings(r, "listener "+name)...)
	}
	if len(all) != 2 || !strings.Contains(all[0], "port 1883 => `sudo ss") || !strings.Contains(all[1], "port 1884 => ") {
		t.Errorf("%q", all)
	}
	s.Running = true
	if got := findings(doctor.Examine(t.Context(), s), "listener a"); slices.ContainsFunc(got, func(f string) bool { return strings.Contains(f, "another program") }) {
		t.Errorf("its own: %q", got)
	}
}
