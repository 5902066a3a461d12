package scan

// known is what usually is at I2C addresses for which there is no driver here, or none that could say so.
var known = []struct {
	first, last uint16
	what        string
}{
	{0x1C, 0x1E, "perhaps a compass or an acceleration sensor: no driver here; the kernel may have one (driver iio)"},
	{0x20, 0x27, "perhaps a port expander (MCP23017, PCF8574) or the display behind one: the kernel makes GPIO lines of it, dtoverlay=mcp23017 or pcf857x"},
	{0x29, 0x29, "perhaps a light or distance sensor (TSL2591, VL53L0X): the kernel may have a driver for it (driver iio)"},
	{0x38, 0x3B, "perhaps a port expander (PCF8574A): the kernel makes GPIO lines of it, dtoverlay=pcf857x"},
	{0x3C, 0x3D, "perhaps a display (SSD1306)"},
	{0x3E, 0x3F, "perhaps a port expander (PCF8574A): the kernel makes GPIO lines of it, dtoverlay=pcf857x"},
	{0x42, 0x42, "perhaps a satellite receiver (u-blox): use its serial port"},
	{0x50, 0x57, "a memory (EEPROM), of this board, a HAT, a clock module or a display: only read"},
	{0x60, 0x61, "perhaps a converter to voltages (MCP4725)"},
	{0x68, 0x69, "perhaps a clock (DS3231, DS1307, PCF8523), given to the kernel by dtoverlay=i2c-rtc,ds3231, or a motion sensor: only read"},
	{0x6F, 0x6F, "perhaps a clock (MCP7940x), given to the kernel by dtoverlay=i2c-rtc,mcp7940x: only read"},
	{0x70, 0x75, "perhaps a multiplexer (TCA9548A): the kernel makes buses of it, dtoverlay=i2c-mux,pca9548"},
}

func usuallyAt(addr uint16) string {
	for _, k := range known {
		if addr >= k.first && addr <= k.last {
			return k.what
		}
	}
	return ""
}
