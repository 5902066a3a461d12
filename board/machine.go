package board

import (
	"io/fs"
	"runtime"
	"strings"
)

// machine is what the hardware says of itself.
type machine struct {
	model  string
	serial string
}

// readMachine looks at the device tree, which boards have, then at the DMI table, which PCs have. root is the root of the file system.
func readMachine(root fs.FS) machine {
	m := machine{
		model:  first(root, "proc/device-tree/model", "sys/firmware/devicetree/base/model"),
		serial: first(root, "proc/device-tree/serial-number", "sys/firmware/devicetree/base/serial-number"),
	}
	if m.model == "" {
		vendor := first(root, "sys/class/dmi/id/sys_vendor")
		m.model = strings.TrimSpace(vendor + " " + first(root, "sys/class/dmi/id/product_name"))
	}
	if m.model == "" {
		m.model = "unknown board (" + runtime.GOARCH + ")"
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
