package sim_test

import (
	"math"
	"testing"

	"skerry/drivers"
	"skerry/drivers/modbus"
)

// Both meters on the simulated line are read by the real driver, through a real port.
func TestModbusDevices(t *testing.T) {
	b := newBoard(t)
	open := func(unit int, profile modbus.ProfileName, more map[string]*modbus.ValueOpts) drivers.Sensor {
		o := modbus.Kind.Opts().(*modbus.Opts)
		o.UnitID, o.Profile = unit, profile
		s := drivers.Setup{Bus: "rs485", Opts: o, Values: map[string]any{}}
		for _, doc := range modbus.Kind.Declare(s) {
			s.Values[doc.Name] = doc.Opts()
		}
		for name, v := range more {
			s.Values[name] = v
		}
		x, err := modbus.Kind.New(t.Context(), b, s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { x.Halt() })
		return x
	}
	flow, pump := uint16(0), uint16(3)
	power := open(1, "eastron-sdm120", nil)
	heat := open(2, "", map[string]*modbus.ValueOpts{"flow": {Table: modbus.Input, Address: &flow, Type: modbus.Int16}, "pump": {Table: modbus.Coil, Address: &pump}})
	got := come(t, power)
	if v := got["voltage"].Number; math.Abs(v-230) > 4 || len(got) != 13 {
		t.Errorf("%d values, %v V", len(got), v)
	}
	got = come(t, heat)
	if v := got["flow"].Number; math.Abs(v-620) > 31 || got["pump"].Number != 1 {
		t.Errorf("%+v", got)
	}
	tty := b.Tty("rs485")
	if err := tty.Unplug(); err != nil {
		t.Fatal(err)
	}
	if _, err := sense(t, power); err == nil {
		t.Error("the meter was read without its line")
	}
	if err := tty.Plug(); err != nil {
		t.Fatal(err)
	}
	come(t, power)
}
