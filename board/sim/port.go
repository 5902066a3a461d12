package sim

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// PortPrefix begins the paths of serial ports that the simulated board shows. What is connected stands behind it.
const PortPrefix = "/dev/serial/by-id/usb-simulated_"

// connected is what is connected to a port: what its path says if it is one of ours, or else its name.
func connected(name, device string) string {
	for _, path := range []string{device, name} {
		if what, ours := strings.CutPrefix(path, PortPrefix); ours {
			return what
		}
	}
	return name
}

// deviceAt is what is connected to a serial port, by the beginning of its name.
func deviceAt(name string, l Location) (say func(at time.Time) string, hear Hearing) {
	switch {
	case strings.HasPrefix(name, "sdi12"):
		return nil, newSDI12().Hear
	case strings.HasPrefix(name, "rs485"):
		return nil, newModbus().Hear
	case strings.HasPrefix(name, "scale"):
		return Weight, nil
	case strings.HasPrefix(name, "dust"):
		return Dust, nil
	case strings.HasPrefix(name, "co2"):
		return nil, CO2
	}
	return func(at time.Time) string { return Fix(at, l) }, nil
}

// Weight is what a scale says by itself: a beehive that gains a little.
func Weight(at time.Time) string {
	t := float64(at.Unix())
	return fmt.Sprintf("ST,GS,%+8.2fkg\r\n", 41.3+2*math.Sin(2*math.Pi*t/86400)+0.02*math.Sin(t))
}

// Dust is what an SDS011 says by itself, by the specification of its maker (V1.3): PM2.5 and PM10 in tenths of a µg/m³.
func Dust(at time.Time) string {
	fine := 120 + int(40*math.Sin(float64(at.Unix())/300))
	coarse := 2*fine + 15
	data := []byte{byte(fine), byte(fine >> 8), byte(coarse), byte(coarse >> 8), 0xA1, 0x60}
	var sum byte
	for _, b := range data {
		sum += b
	}
	return "\xAA\xC0" + string(data) + string([]byte{sum, 0xAB})
}

// CO2 is what an MH-Z19 answers to command 0x86.
func CO2(written []byte, say func(after time.Duration, text string)) {
	if !strings.HasSuffix(string(written), "\xFF\x01\x86\x00\x00\x00\x00\x00\x79") {
		return
	}
	ppm := 520 + int(80*math.Sin(float64(time.Now().Unix())/600))
	b := []byte{0xFF, 0x86, byte(ppm >> 8), byte(ppm), 0, 0, 0, 0, 0}
	for _, c := range b[1:8] {
		b[8] -= c
	}
	say(20*time.Millisecond, string(b))
}
