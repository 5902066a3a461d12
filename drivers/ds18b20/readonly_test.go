package ds18b20_test

import (
	"context"
	"io/fs"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers"
	"skerry/drivers/drivertest"
	"skerry/drivers/ds18b20"
)

// readOnly is a machine whose kernel files cannot be written, as for a service with ProtectKernelTunables and in a container.
type readOnly struct {
	*drivertest.Machine
	why error
}

type readOnlyFiles struct {
	drivers.Files
	why error
}

func (m readOnly) Files() drivers.Files                                 { return readOnlyFiles{m.Machine.Files(), m.why} }
func (f readOnlyFiles) WriteFile(context.Context, string, []byte) error { return f.why }

// TestReadOnly: without the right to have all probes measure at once each is asked by itself.
func TestReadOnly(t *testing.T) {
	for _, why := range []error{syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		synctest.Test(t, func(t *testing.T) {
			m := readOnly{machine(), why}
			x, err := ds18b20.Kind.New(t.Context(), m, setup(two))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := x.Sense(t.Context(), nil); err != nil || len(got) != 2 || got[1].Number != 21.5 {
				t.Errorf("%v: %+v, %v", why, got, err)
			}
		})
	}
}

// sickMaster is a machine with a second 1-Wire bus whose master fails, or never ends its measurement.
type sickMaster struct {
	*drivertest.Machine
	write error
	state string
}

const secondMaster = "sys/bus/w1/devices/w1_bus_master2/therm_bulk_read"

type sickFiles struct {
	drivers.Files
	m sickMaster
}

func (m sickMaster) Files() drivers.Files { return sickFiles{m.Machine.Files(), m} }

func (f sickFiles) WriteFile(ctx context.Context, name string, b []byte) error {
	if name == secondMaster && f.m.write != nil {
		return f.m.write
	}
	return f.Files.WriteFile(ctx, name, b)
}

func (f sickFiles) ReadFile(ctx context.Context, name string) ([]byte, error) {
	if name == secondMaster && f.m.state != "" {
		return []byte(f.m.state), nil
	}
	return f.Files.ReadFile(ctx, name)
}

// TestSickMaster: a bus that does not let its probes measure together hides nothing of the probes, on this bus or another.
func TestSickMaster(t *testing.T) {
	for name, sick := range map[string]sickMaster{
		"was just pulled":      {write: &fs.PathError{Op: "open", Path: "/" + secondMaster, Err: fs.ErrNotExist}},
		"fails":                {write: syscall.ENODEV},
		"does not finish":      {state: "-1"},
		"can do no such thing": {write: syscall.EINVAL},
	} {
		synctest.Test(t, func(t *testing.T) {
			sick.Machine = machine()
			sick.Kernel[secondMaster] = "1"
			x, err := ds18b20.Kind.New(t.Context(), sick, setup(two))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), drivers.SenseTimeout)
			defer cancel()
			if got, err := x.Sense(ctx, nil); err != nil || len(got) != 2 || got[1].Number != 21.5 {
				t.Errorf("one that %s: %+v, %v", name, got, err)
			}
		})
	}
}

// measuring is a machine whose probes take their time; one that is read too early has nothing to say.
type measuring struct {
	*drivertest.Machine
	until *time.Time
}

type measuringFiles struct {
	drivers.Files
	until *time.Time
}

func (m measuring) Files() drivers.Files { return measuringFiles{m.Machine.Files(), m.until} }

func (f measuringFiles) WriteFile(context.Context, string, []byte) error {
	*f.until = time.Now().Add(750 * time.Millisecond)
	return nil
}

func (f measuringFiles) ReadFile(ctx context.Context, name string) ([]byte, error) {
	switch busy := time.Now().Before(*f.until); {
	case name == master && busy:
		return []byte("-1\n"), nil
	case busy:
		return nil, nil
	}
	return f.Files.ReadFile(ctx, name)
}

// TestTogether: all probes take as long as one, and none is read before it has measured.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := measuring{machine(), new(time.Time)}
		x, err := ds18b20.Kind.New(t.Context(), m, setup(two))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if got, err := x.Sense(t.Context(), nil); err != nil || len(got) != 2 || time.Since(began) > time.Second {
			t.Errorf("%+v, %v after %v", got, err, time.Since(began))
		}
	})
}
