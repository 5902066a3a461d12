package drivers_test

import (
	"errors"
	"io"
	"testing"

	"skerry/drivers"
)

type closer struct{ closed int }

func (c *closer) Close() error { c.closed++; return nil }

func TestCommon(t *testing.T) {
	var all drivers.Commons
	made := 0
	make := func() (io.Closer, error) { made++; return &closer{}, nil }
	first, leave, err := all.Common("modbus a", make)
	if err != nil {
		t.Fatal(err)
	}
	second, leaveToo, _ := all.Common("modbus a", make)
	other, _, _ := all.Common("modbus b", make)
	if first != second || first == other || made != 2 {
		t.Errorf("made %d", made)
	}
	leave()
	leave() // once is enough
	if n := first.(*closer).closed; n != 0 {
		t.Errorf("closed %d times while it is in use", n)
	}
	leaveToo()
	if n := first.(*closer).closed; n != 1 {
		t.Errorf("closed %d times", n)
	}
	if third, _, _ := all.Common("modbus a", make); third == first {
		t.Error("a closed thing was given")
	}
	broken := errors.New("broken")
	if _, _, err := all.Common("c", func() (io.Closer, error) { return nil, broken }); err != broken {
		t.Errorf("%v", err)
	}
	if _, _, err := all.Common("c", make); err != nil {
		t.Errorf("after a failure: %v", err)
	}
}
