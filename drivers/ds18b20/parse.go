package ds18b20

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Why a scratchpad is not believed.
var (
	errEmpty     = errors.New("the probe did not answer; look at its wires")
	errChecksum  = errors.New("the checksum is wrong: a long or disturbed line; try a smaller pull-up resistor, down to 1 kΩ")
	errShort     = errors.New("the data line reads as zeros: it is shorted to ground")
	errNotDone   = errors.New("the probe lost its supply before it had measured (it says 85 °C, its value after power-on)")
	errPoorPower = errors.New("the probe had too little power to measure (it says 127.94 °C); wire its supply pin instead of parasitic power")
)

// unmeasured is what byte 6 holds until a probe has measured; afterwards it goes with the temperature.
const unmeasured = 0x0C

// parse reads what the kernel says of a probe:
//
//	50 05 4b 46 7f ff 0c 10 1c : crc=1c YES
//	50 05 4b 46 7f ff 0c 10 1c t=85000
func parse(text string) (celsius float64, err error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) < 2 {
		return 0, errEmpty
	}
	head, verdict, ok := strings.Cut(lines[0], ":")
	pad, err := hex.DecodeString(strings.ReplaceAll(head, " ", ""))
	_, milli, found := strings.Cut(lines[1], "t=")
	n, numeric := strconv.Atoi(strings.TrimSpace(milli))
	switch {
	case !ok || err != nil || len(pad) != 9 || !found || numeric != nil:
		return 0, fmt.Errorf("the kernel says %.80q, which is not a scratchpad", text)
	case !strings.HasSuffix(strings.TrimSpace(verdict), "YES"), checksum(pad[:8]) != pad[8]:
		return 0, errChecksum
	case allZero(pad):
		return 0, errShort
	case pad[6] == unmeasured && n == 85000:
		return 0, errNotDone
	case pad[6] == unmeasured && n == 127937:
		return 0, errPoorPower
	}
	return float64(n) / 1000, nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// checksum is the CRC of 1-Wire (page 9): x^8 + x^5 + x^4 + 1, least significant bit first.
func checksum(b []byte) (crc byte) {
	for _, x := range b {
		crc ^= x
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8C
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}
