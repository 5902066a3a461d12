package ds18b20_test

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"

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
