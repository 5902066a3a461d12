package sht

import (
	"skerry/drivers"
	"skerry/drivers/chip"
)

var values = []drivers.ValueDoc{
	{Name: "temperature", Unit: "°C", Doc: "air temperature"},
	{Name: "humidity", Unit: "%", Doc: "relative humidity"},
}

// SHT3x and SHT4x are the drivers.
var (
	SHT3x = (&chip.Model{Name: "SHT3x", Addresses: []uint16{0x44, 0x45}, SetUp: sht3x.setUp, Identify: sht3x.identify, Commands: true}).Kind("sht3x",
		"Sensirion SHT30, SHT31, SHT35: air temperature and humidity", values...)
	SHT4x = (&chip.Model{Name: "SHT4x", Addresses: []uint16{0x44, 0x45, 0x46}, SetUp: sht4x.setUp, Identify: sht4x.identify}).Kind("sht4x",
		"Sensirion SHT40, SHT41, SHT43, SHT45: air temperature and humidity", values...)
)
