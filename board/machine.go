package board

import (
	"cmp"
	"encoding/binary"
	"io/fs"
	"runtime"
	"strings"
)

// Machine is what a machine says of itself: in the device tree, which boards have, or in the DMI table, which PCs have.
type Machine struct {
	Model      string   // "Raspberry Pi 4 Model B Rev 1.4"
	Compatible []string // names of the device tree, the most special first: "raspberrypi,4-model-b", "brcm,bcm2711". None on a PC
	Header     Header   // whose places have the names P1_1, P1_2 ...
}

// RaspberryPi tells whether this is one, of whatever model.
func (m Machine) RaspberryPi() bool {
	return len(m.Compatible) > 0 && strings.HasPrefix(m.Compatible[0], raspberry)
}

const raspberry = "raspberrypi,"

// machine reads what the machine says. root is the root of the file system.
func machine(root fs.FS) Machine {
	m := Machine{Model: first(root, "proc/device-tree/model", "sys/firmware/devicetree/base/model")}
	if names := first(root, "proc/device-tree/compatible", "sys/firmware/devicetree/base/compatible"); names != "" {
		m.Compatible = strings.Split(names, "\x00")
	}
	if m.Model == "" {
		vendor, product := first(root, "sys/class/dmi/id/sys_vendor"), first(root, "sys/class/dmi/id/product_name")
		m.Model = cmp.Or(strings.TrimSpace(vendor+" "+product), "unknown board ("+runtime.GOARCH+")")
	}
	if m.RaspberryPi() {
		m.Header = raspberryHeader(strings.TrimPrefix(m.Compatible[0], raspberry), revision(root))
	}
	return m
}

// first gives the contents of the first file that has any. Strings of the device tree end with a zero byte.
func first(root fs.FS, paths ...string) string {
	for _, path := range paths {
		b, err := fs.ReadFile(root, path)
		if s := strings.TrimSpace(strings.TrimRight(string(b), "\x00\n")); err == nil && s != "" {
			return s
		}
	}
	return ""
}

// revision is the code that the firmware of a Raspberry Pi puts into the device tree; 0: it did not.
func revision(root fs.FS) uint32 {
	for _, path := range []string{"proc/device-tree/system/linux,revision", "sys/firmware/devicetree/base/system/linux,revision"} {
		if b, err := fs.ReadFile(root, path); err == nil && len(b) == 4 {
			return binary.BigEndian.Uint32(b)
		}
	}
	return 0
}

// raspberryHeader knows the models whose header is not the one of 40 pins that all others have, and those to come will have.
func raspberryHeader(model string, revision uint32) Header {
	switch model {
	case "model-a", "model-b-rev2":
		return Header26
	case "model-b":
		return modelB(revision)
	case "compute-module", "3-compute-module", "4-compute-module-s": // in a socket for memory; carriers wire it as they like
		return NoHeader
	}
	return Header40
}

// warranty is set in the revision of boards that were overclocked.
const warranty = 0x03000000

// modelB tells the two layouts of the first Raspberry Pi apart: 2 and 3 are the codes of the boards of before September 2012.
func modelB(revision uint32) Header {
	switch revision &^ warranty {
	case 0:
		return Header26Unknown
	case 2, 3:
		return Header26Rev1
	}
	return Header26
}
