package modbus_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"skerry/drivers/modbus"
	"skerry/drivers/modbus/modbustest"
)

// Devices are known by their own register or their models; what is late, or of another unit, makes no device.
func TestFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		defer w.Close()
		line := new(modbustest.Slave)
		both := inverter(40000, 103)
		line.Set(1, &modbustest.Device{Holding: map[uint16]uint16{0xFC02: 112}})
		line.Set(2, both)
		line.Set(3, &modbustest.Device{Holding: map[uint16]uint16{0: 7}, Input: map[uint16]uint16{0x000B: 1650}})
		line.Set(4, &modbustest.Device{Holding: map[uint16]uint16{0: 7, 0xFC02: 43}})
		line.Set(5, b23(0x42323320))
		line.Set(6, holding(1)) // too late
		line.Set(8, holding(1)) // as another one
		line.Set(9, holding(1)) // damaged
		go line.Serve(slave{w}, func(request, answer []byte) []modbustest.Piece {
			switch request[0] {
			case 6:
				return []modbustest.Piece{{After: 350 * time.Millisecond, Bytes: answer}}
			case 8:
				return []modbustest.Piece{{Bytes: modbustest.Frame(append([]byte{1}, answer[1:len(answer)-2]...)...)}}
			case 9:
				answer[4]++
			}
			return []modbustest.Piece{{Bytes: answer}}
		})
		found, err := modbus.Find(t.Context(), w, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9})
		if err != nil {
			t.Error(err)
		}
		var got []string
		for _, f := range found {
			got = append(got, fmt.Sprintf("%d %s (%s) %v", f.Unit, f.Profile, f.Answer, f.Has))
		}
		want := []string{
			"1 eastron-sdm630 (it refuses holding register 0 with exception 2) false",
			"2 sunspec-inverter (it refuses holding register 0 with exception 2) false",
			"3 carlo-gavazzi-em24-e1 (holding register 0 is 7) true",
			"4  (holding register 0 is 7) true",
			"5 abb-b23 (holding register 0 is 1) true",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	})
}

// A unit that answers for one register and is silent for all others is found.
func TestFindDeviceThatSaysNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		line := new(modbustest.Slave)
		line.Set(1, &modbustest.Device{Holding: map[uint16]uint16{0: 7}})
		go line.Serve(slave{w}, func(_, answer []byte) []modbustest.Piece {
			if answer[1] > 0x80 {
				return nil
			}
			return []modbustest.Piece{{Bytes: answer}}
		})
		found, err := modbus.Find(t.Context(), w, []byte{1})
		if err != nil || len(found) != 1 || found[0].Unit != 1 || found[0].Profile != "" {
			t.Errorf("%+v, %v", found, err)
		}
		w.Close()
		if _, err := modbus.Find(t.Context(), w, []byte{1}); err == nil {
			t.Error("a port that is closed gives no error")
		}
	})
}
