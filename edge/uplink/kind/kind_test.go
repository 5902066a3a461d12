package kind_test

import (
	"testing"
	"time"

	"skerry/edge/uplink/kind"
)

// TestTable: every kind is whole, and its bounds stand in their order.
func TestTable(t *testing.T) {
	for _, name := range kind.Names() {
		k, ok := kind.Named(name)
		if !ok || k.Name != name {
			t.Fatalf("%s is listed, but not found", name)
		}
		if k.DeadFloor < 10*time.Second || k.KeepAliveMin < k.DeadFloor/2 || k.KeepAliveMax <= k.KeepAliveMin {
			t.Errorf("%s: silence %+v", name, k)
		}
		if k.RetryMin < time.Second || k.RetryMax <= k.RetryMin || k.AttemptBytes <= 0 {
			t.Errorf("%s: attempts %+v", name, k)
		}
		if k.LookupTime < 10*time.Second || k.DialTime <= 2*k.LookupTime || k.DialTime < k.DeadFloor*3/2 {
			t.Errorf("%s: time for an attempt %+v", name, k)
		}
		if k.Metered != (k.AttemptsDay > 0) || k.Metered && k.AttemptsDay < 12*k.AttemptBytes {
			t.Errorf("%s: attempts of a day %+v", name, k)
		}
		if k.IdleBilled && !k.Metered || k.Metered != (k.Linger > 0) {
			t.Errorf("%s: costs %+v", name, k)
		}
	}
}

// TestCertus: a stall of 70 s is known there, and is not the end of a link.
func TestCertus(t *testing.T) {
	if k, _ := kind.Named("certus"); k.DeadFloor <= 70*time.Second || !k.IdleBilled {
		t.Errorf("%+v", k)
	}
}

func TestUnknown(t *testing.T) {
	if _, ok := kind.Named("pigeon"); ok {
		t.Error("pigeon is known")
	}
	if k := kind.Of(""); k.Name != kind.Ethernet {
		t.Errorf("Of nothing is %q", k.Name)
	}
}
