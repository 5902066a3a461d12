package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"skerry/board"
	"skerry/drivers"
	"skerry/drivers/hwmon"
	"skerry/drivers/iio"
)

// kernelReaders has drivers of the kernel drive chips, and reads them by the drivers for all of their kind.
func kernelReaders(b *board.Board) {
	const adapter = "/sys/bus/i2c/devices/i2c-1/"
	for _, device := range []string{"tmp105 0x48", "dps310 0x77"} {
		if err := write(adapter+"new_device", device); err != nil {
			say("FAIL", "give %s to the kernel: %v", device, err)
		}
	}
	thermometer := drivers.Setup{Opts: &hwmon.Opts{Device: "tmp105"}, Values: map[string]any{"temperature": &hwmon.ValueOpts{Channel: "temp1"}}}
	for _, milli := range []int{31250, -20500} {
		say("DO", "temperature %d", milli)
		check(fmt.Sprintf("hwmon: %d m°C", milli), eventually(10*time.Second, func() error {
			got, err := sense(b, hwmon.Kind, thermometer)
			if err == nil && (got[0].Unit != "°C" || math.Abs(got[0].Number-float64(milli)/1000) > 0.07) {
				err = fmt.Errorf("read %v %s", got[0].Number, got[0].Unit)
			}
			return err
		}))
	}
	barometer := drivers.Setup{Opts: &iio.Opts{Device: "dps310"}, Values: map[string]any{
		"temperature": &iio.ValueOpts{Channel: "temp"}, "pressure": &iio.ValueOpts{Channel: "pressure"}}}
	check("iio: a barometer", eventually(10*time.Second, func() error {
		got, err := sense(b, iio.Kind, barometer)
		if err == nil {
			say("INFO", "the barometer gives %s %v %s, %s %v %s", got[0].Value, got[0].Number, got[0].Unit, got[1].Value, got[1].Number, got[1].Unit)
		}
		return err
	}))
	for _, address := range []string{"0x48", "0x77"} {
		check("the kernel lets go of "+address, write(adapter+"delete_device", address))
	}
	_, err := sense(b, hwmon.Kind, thermometer)
	check("hwmon: a chip that went", wanted(err, "tmp105"))
}

// sense opens a sensor, reads it and gives it back.
func sense(b *board.Board, kind drivers.Kind, s drivers.Setup) ([]drivers.Reading, error) {
	ctx, cancel := context.WithTimeout(context.Background(), drivers.SenseTimeout)
	defer cancel()
	x, err := kind.New(ctx, b, s)
	if err != nil {
		return nil, err
	}
	defer x.Halt()
	return x.Sense(ctx, nil)
}
